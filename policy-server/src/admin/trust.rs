//! Evidence, posture and the lists behind them: what operators see and do.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{
    audit::Entry,
    fleet::Device,
    lease::{certificate_seconds, longest_seconds},
    trust::{Appeal, DeviceTrust},
};
use policy_server_store::{Store, TrustView, Work};

use super::{
    message::{ApplyList, CheckLifted, LiftCheck, ListShown, PostureShown, TrustShown},
    routes::{Answer, By, Shared},
};
use crate::{
    clock,
    failure::Failure,
    flow::{Denial, posture},
    server::{Server, lists::Shown},
};

pub(super) fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/admin/v1/devices/{name}/appeal", post(appeal))
        .route("/admin/v1/trust-lists", post(apply_list).get(list_lists))
}

/// What is known of a device's evidence, and its posture as it would be judged now.
pub(super) async fn show<V: TrustView>(
    server: &Server,
    view: &mut V,
    device: &Device,
) -> Result<(Option<TrustShown>, BTreeMap<String, PostureShown>), Failure> {
    let now = clock::now();
    let kept = view.trust(device.id).await?;
    let appeals = view.appeals(device.id).await?;
    let known = kept.clone().unwrap_or_else(|| DeviceTrust::none(now));
    let findings = posture::findings(server, view, device, &known, now).await.map_err(failed)?;
    let until =
        |check| appeals.iter().find(|one| one.check == check && now < one.until).map(|one| clock::text(one.until));
    let all = findings.into_iter().map(|finding| {
        let shown = PostureShown {
            value: finding.value,
            evidence: finding.source.word().to_owned(),
            verdict: finding.verdict.word().to_owned(),
            lifted_until: until(finding.check),
        };
        (finding.check.word().to_owned(), shown)
    });
    Ok((kept.map(trust), all.collect()))
}

fn failed(denial: Denial) -> Failure {
    match denial {
        Denial::Store(error) => error.into(),
        Denial::Refused { reason, .. } => Failure::reason(reason),
        Denial::Crypto(_) => Failure::refused("random-failed"),
    }
}

fn trust(kept: DeviceTrust) -> TrustShown {
    let hardware = kept.hardware.as_ref();
    TrustShown {
        level: kept.level.to_string(),
        vector: serde_json::to_value(kept.vector).unwrap_or_default(),
        appraised_at: clock::text(kept.appraised_at),
        certificate_seconds: certificate_seconds(kept.level),
        longest_lease_seconds: longest_seconds(kept.level),
        endorsement: hardware.map(|one| hex::encode(&one.ek)),
        attestation_key: hardware.map(|one| hex::encode(&one.ak_name)),
        certified: hardware.map(|one| one.certified),
        same_hardware_as: kept.twin.map(|id| id.to_string()),
        reasons: kept.reasons,
        alarm: kept.alarm,
    }
}

async fn appeal(
    State(server): Shared,
    Extension(by): By,
    Path(name): Path<String>,
    Json(ask): Json<LiftCheck>,
) -> Answer<CheckLifted> {
    let Appeal { device, check, until, reference } =
        posture::appeal(&server, &by.0, &name, &ask.check, ask.hours).await?;
    let (device, check) = (device.to_string(), check.word().to_owned());
    Ok(Json(CheckLifted { device, check, until: clock::text(until), reference }))
}

async fn apply_list(State(server): Shared, Extension(by): By, Json(ask): Json<ApplyList>) -> Answer<ListShown> {
    let envelope = B64.decode(&ask.envelope).map_err(|_| Failure::refused("trust-list-unsigned"))?;
    let now = clock::now();
    let trusted = [server.keys.root, server.keys.signer.now().verifying_key()];
    let applied = server.lists.apply(&envelope, &trusted, now)?;
    let mut work = server.store.begin().await?;
    let entry = Entry::done(now, &by.0, "trust-list.apply", applied.kind.word());
    server.log(&mut work, &entry.with("issued", applied.issued_at).with("entries", applied.entries)).await?;
    work.commit().await?;
    Ok(Json(list(&applied)))
}

async fn list_lists(State(server): Shared) -> Answer<Vec<ListShown>> {
    Ok(Json(server.lists.shown().iter().map(list).collect()))
}

fn list(shown: &Shown) -> ListShown {
    ListShown {
        kind: shown.kind.word().to_owned(),
        issued: clock::text(shown.issued_at),
        expires: clock::text(shown.expires_at),
        entries: shown.entries,
    }
}
