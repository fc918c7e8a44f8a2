//! The content engine's own context and settings: ephemeral, sandboxed, one proxy, nothing that writes or leaks.

use secure_browser_platform::{mock_devices, without_proxy};
use webkit2gtk::{
    CacheModel, InputMethodContextExt, NetworkProxyMode, NetworkProxySettings, SettingsExt, TLSErrorsPolicy,
    WebContext, WebContextExt, WebView, WebViewExt, WebsiteDataManager, WebsiteDataManagerExt,
};

use crate::{ipc::DOOR_PORT, shell::ShellError};

/// A context for content views.
///
/// # Errors
/// [`ShellError::NotContained`] if a setting does not read back.
pub fn context() -> Result<WebContext, ShellError> {
    let data = WebsiteDataManager::new_ephemeral();
    if !without_proxy() {
        let mut proxy = NetworkProxySettings::new(Some(&format!("http://127.0.0.1:{DOOR_PORT}")), &[]);
        data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut proxy));
    }
    data.set_tls_errors_policy(TLSErrorsPolicy::Fail);
    data.set_persistent_credential_storage_enabled(false);
    let context = WebContext::builder().website_data_manager(&data).build();
    context.set_sandbox_enabled(true);
    context.set_automation_allowed(false);
    context.set_cache_model(CacheModel::DocumentViewer);
    context.set_spell_checking_enabled(false);
    read_back(&context, &data)?;
    Ok(context)
}

fn read_back(context: &WebContext, data: &WebsiteDataManager) -> Result<(), ShellError> {
    let held = [
        (context.is_ephemeral() && data.is_ephemeral(), "ephemeral"),
        (context.is_sandbox_enabled(), "sandbox"),
        (data.tls_errors_policy() == TLSErrorsPolicy::Fail, "tls-errors"),
        (!data.is_persistent_credential_storage_enabled(), "credentials"),
        (!context.is_automation_allowed(), "automation"),
    ];
    match held.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(ShellError::NotContained(what)),
        None => Ok(()),
    }
}

/// Sets what a page may do in `view`, after wry has set its own defaults.
///
/// # Errors
/// [`ShellError::NotContained`] if the settings cannot be reached or do not read back.
pub fn harden(view: &WebView) -> Result<(), ShellError> {
    let settings = WebViewExt::settings(view).ok_or(ShellError::NotContained("settings"))?;
    settings.set_enable_developer_extras(false);
    settings.set_enable_page_cache(false);
    settings.set_enable_dns_prefetching(false);
    settings.set_enable_offline_web_application_cache(false);
    settings.set_enable_back_forward_navigation_gestures(false);
    settings.set_javascript_can_open_windows_automatically(false);
    settings.set_javascript_can_access_clipboard(false);
    settings.set_allow_file_access_from_file_urls(false);
    settings.set_allow_universal_access_from_file_urls(false);
    settings.set_allow_top_navigation_to_data_urls(false);
    settings.set_disable_web_security(false);
    settings.set_enable_webrtc(false);
    settings.set_enable_caret_browsing(false);
    settings.set_enable_mock_capture_devices(mock_devices());
    settings.set_print_backgrounds(false);
    let open = settings.enables_developer_extras()
        || settings.enables_webrtc()
        || settings.allows_file_access_from_file_urls()
        || settings.is_disable_web_security();
    if open { Err(ShellError::NotContained("page settings")) } else { Ok(()) }
}

/// Lets Japanese be composed inside the page: wry turns that off.
pub fn compose_inline(view: &WebView) {
    if let Some(input) = view.input_method_context() {
        input.set_enable_preedit(true);
    }
}
