//! Made-up devices in a database, so that lists and figures can be measured at the size of a large association.

use policy_server_core::{
    fleet::{Device, Standing, Tier, Tries},
    usage::Day,
};
use policy_server_store::{Desk, Store, StoreError, Work};
use workspace_protocol::{
    crypto::VerifyingKey,
    device_api::{DeviceFacts, Held},
    ids::{DeviceId, Epoch, GroupName, Serial, UnixTime, Version},
    push::DeviceEventKind,
};

/// Devices of one unit of work.
const BATCH: u64 = 2_000;
const FAMILIES: [&str; 10] = ["佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"];
const GIVEN: [&str; 10] = ["花子", "太郎", "さくら", "健", "美咲", "大輔", "陽子", "翔", "恵子", "直樹"];
const SYSTEMS: [&str; 4] = ["Debian GNU/Linux 12", "Ubuntu 24.04", "Fedora 42", "Linux Mint 22"];

/// Adds `count` devices in forty groups.
///
/// # Errors
/// [`StoreError`].
pub async fn devices<S: Store>(store: &S, count: u64, now: UnixTime) -> Result<(), StoreError>
where
    S::Work: Desk,
{
    let mut at = 0;
    while at < count {
        let mut work = store.begin().await?;
        for nth in at..count.min(at + BATCH) {
            work.add_device(&device(nth, now)?, b"seeded").await?;
        }
        work.commit().await?;
        at += BATCH;
    }
    counts(store, now).await
}

/// Refusals and sessions of some weeks.
async fn counts<S: Store>(store: &S, now: UnixTime) -> Result<(), StoreError>
where
    S::Work: Desk,
{
    let mut work = store.begin().await?;
    for group in 0..40 {
        let name = group_name(group)?;
        for nth in 0..60u8 {
            let day = Day(Day::of(now).0 - i64::from(nth % 28));
            let host = format!("host{}.example", nth % 20);
            work.count_event(day, &name, [nth; 8], DeviceEventKind::Blocked, Some(&host)).await?;
            work.count_event(day, &name, [nth; 8], DeviceEventKind::SessionOpened, None).await?;
        }
    }
    work.commit().await
}

fn group_name(nth: u64) -> Result<GroupName, StoreError> {
    format!("ward-{:02}", nth % 40).parse().map_err(|_| StoreError::Value("team"))
}

fn pick<'a>(of: &[&'a str], nth: u64) -> &'a str {
    let len = u64::try_from(of.len()).unwrap_or(1).max(1);
    of.get(usize::try_from(nth % len).unwrap_or(0)).copied().unwrap_or_default()
}

fn device(nth: u64, now: UnixTime) -> Result<Device, StoreError> {
    let mixed = nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let ago = i64::try_from(mixed % (60 * 24 * 3600)).unwrap_or(0);
    let mut key = [0; 32];
    key.iter_mut().zip(nth.to_be_bytes().into_iter().chain(mixed.to_be_bytes())).for_each(|(to, from)| *to = from);
    Ok(Device {
        id: DeviceId::random(),
        epoch: Epoch(1),
        label: format!("PC-{:07x}", mixed & 0xfff_ffff),
        user: format!("{} {}", pick(&FAMILIES, mixed), pick(&GIVEN, mixed / 10)),
        group: group_name(mixed / 100)?,
        tier: if mixed.is_multiple_of(3) { Tier::Tpm } else { Tier::Software },
        standing: match mixed % 1_000 {
            0 => Standing::Wiped,
            1..=9 => Standing::Retired,
            10..=19 => Standing::Locked,
            _ => Standing::Active,
        },
        tries: Tries::Counted(0),
        device_key: vec![7; 91],
        tombstone_key: VerifyingKey(key),
        lease_serial: Serial(1),
        lease_until: Some(now.plus(8 * 3600 - ago)),
        certificate_until: Some(now.plus(1800 - ago)),
        enrolled_at: now.plus(-ago - 90 * 24 * 3600),
        last_contact: Some(now.plus(-ago)),
        held: Held { boundary: Version(1), policy: Version(mixed % 3) },
        refused: None,
        facts: DeviceFacts {
            os: pick(&SYSTEMS, mixed / 7).to_owned(),
            platform: "linux".to_owned(),
            version: "0.1.0".to_owned(),
            posture: None,
        },
    })
}
