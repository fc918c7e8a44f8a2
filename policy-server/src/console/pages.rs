//! The pages of the console beside its frame, each route with the action it needs.

use policy_server_core::authz::Action;

use super::{
    audit, devices, enroll, evidence, lending, notices, overview, policies,
    policies::learning,
    routes::{Access::Needs, Access::Open, Routes},
    waiting,
};

/// Adds them.
pub fn add(routes: Routes) -> Routes {
    records(policy(device(routes)))
}

fn device(routes: Routes) -> Routes {
    routes
        .get("/console", Needs(Action::OverviewSee), overview::show)
        .get("/console/devices", Needs(Action::DeviceSee), devices::list)
        .get("/console/devices/many", Needs(Action::DeviceMany), devices::preview_many)
        .post("/console/devices/many", Needs(Action::DeviceMany), devices::do_many)
        .get("/console/device/{id}", Needs(Action::DeviceSee), devices::one)
        .get("/console/device/{id}/receipt/{seq}/{stage}", Needs(Action::DeviceSee), devices::receipt)
        .get("/console/device/{id}/wipe", Needs(Action::DeviceWipe), devices::confirm)
        .post("/console/device/{id}/wipe", Needs(Action::DeviceWipe), devices::wipe)
        .post("/console/device/{id}/lock", Needs(Action::DeviceLock), devices::lock)
        .post("/console/device/{id}/release", Needs(Action::DeviceRelease), devices::release)
        .post("/console/device/{id}/retire", Needs(Action::DeviceRetire), devices::retire)
        .post("/console/device/{id}/lend", Needs(Action::DeviceLend), devices::lend)
        .post("/console/device/{id}/take-back", Needs(Action::DeviceLend), devices::take_back)
        .get("/console/lending", Needs(Action::DeviceSee), lending::show)
        .get("/console/waiting", Needs(Action::WipeApprove), waiting::show)
        .post("/console/waiting", Needs(Action::WipeApprove), waiting::decide)
}

fn policy(routes: Routes) -> Routes {
    routes
        .get("/console/policies", Needs(Action::PolicySee), policies::show)
        .post("/console/policies", Needs(Action::PolicyDraft), policies::begin_group)
        .get("/console/policy/{group}", Needs(Action::PolicySee), policies::group)
        .get("/console/policy/{group}/version/{number}", Needs(Action::PolicySee), policies::version)
        .get("/console/policy/{group}/export/{number}", Needs(Action::PolicySee), policies::export)
        .post("/console/policy/{group}/draft", Needs(Action::PolicyDraft), policies::draft)
        .post("/console/policy/{group}/import", Needs(Action::PolicyDraft), policies::import)
        .get("/console/text/{id}", Needs(Action::PolicySee), policies::text)
        .post("/console/text/{id}/check", Needs(Action::PolicyDraft), policies::check)
        .post("/console/text/{id}/save", Needs(Action::PolicyDraft), policies::save)
        .post("/console/text/{id}/propose", Needs(Action::PolicyDraft), policies::propose)
        .post("/console/text/{id}/withdraw", Needs(Action::PolicyDraft), policies::withdraw)
        .post("/console/text/{id}/approve", Needs(Action::PolicyApprove), policies::approve)
        .post("/console/text/{id}/begin", Needs(Action::PolicyApply), policies::begin)
        .post("/console/text/{id}/release", Needs(Action::PolicyApply), policies::release)
        .post("/console/text/{id}/roll-back", Needs(Action::PolicyApply), policies::roll_back)
        .get("/console/notices", Needs(Action::NoticePost), notices::show)
        .post("/console/notices", Needs(Action::NoticePost), notices::post)
        .post("/console/notices/withdraw", Needs(Action::NoticePost), notices::withdraw)
        .get("/console/learning", Needs(Action::LearningSee), learning::show)
        .post("/console/learning/propose", Needs(Action::PolicyDraft), learning::propose)
}

fn records(routes: Routes) -> Routes {
    routes
        .get("/console/audit", Needs(Action::AuditSee), audit::show)
        .get("/console/evidence", Needs(Action::AuditExport), evidence::show)
        .get("/console/evidence/audit.jsonl", Needs(Action::AuditExport), audit::export)
        .get("/console/evidence/devices.csv", Needs(Action::AuditExport), evidence::csv)
        .get("/console/evidence/ledger", Needs(Action::AuditExport), evidence::ledger)
        .get("/console/evidence/review", Needs(Action::AuditExport), evidence::review)
        .get("/console/evidence/sheet", Needs(Action::AuditExport), evidence::sheet)
        .get("/enroll", Open, enroll::show)
        .get("/enroll/seen", Open, evidence::seen::show)
}
