//! Tests of the console's lists and counts on temporary files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_core::{
    canary::Share,
    fleet::{Device, Standing, Tier},
    listing::{Filter, Order},
    outbox::CommandState,
    usage::{Day, Week, alias},
};
use workspace_protocol::{
    ids::{DeviceId, GroupName, UnixTime, Version},
    push::DeviceEventKind,
};

use super::tests::{Place, add, device, order, place};
use crate::{Desk, Found, Lists, SignedPolicy, Store, View, Work};

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

/// Twelve devices that differ in everything a list looks at.
async fn fleet(place: &Place) -> Vec<Device> {
    let mut all = Vec::new();
    for at in 0..12i64 {
        let mut one = device();
        one.label = format!("PC-{:02}", (at * 5) % 12);
        one.user = ["山田 花子", "佐藤 はな", "Suzuki"][usize::try_from(at % 3).unwrap()].to_owned();
        one.group = group(if at % 2 == 0 { "home" } else { "ward" });
        one.tier = if at % 4 == 0 { Tier::Tpm } else { Tier::Software };
        one.standing = if at == 7 { Standing::Wiping } else { Standing::Active };
        one.last_contact = (at > 1).then_some(UnixTime(2_000 + at % 3));
        one.lease_until = Some(UnixTime(1_000 + at));
        one.enrolled_at = UnixTime(at / 2);
        one.held.policy = Version(u64::try_from(at).unwrap() % 3);
        add(&place.store, &one).await;
        all.push(one);
    }
    all
}

/// All pages of three, put together.
async fn pages(place: &Place, filter: &Filter, by: Order) -> Vec<Device> {
    let mut view = place.store.view().await.unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = view.device_page(filter, by, after.as_ref(), 3).await.unwrap();
        all.extend(page.devices);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn ids(devices: &[Device]) -> Vec<DeviceId> {
    let mut ids: Vec<_> = devices.iter().map(|one| one.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_order_shows_every_device_once_page_by_page() {
    let place = place().await;
    let all = fleet(&place).await;
    for by in Order::ALL {
        for filter in [Filter::default(), Filter { standing: Some(Standing::Active), ..Filter::default() }] {
            let shown = pages(&place, &filter, by).await;
            let wanted: Vec<_> = all.iter().filter(|one| filter.standing.is_none_or(|s| s == one.standing)).collect();
            assert_eq!(ids(&shown), ids(&wanted.into_iter().cloned().collect::<Vec<_>>()), "{by:?}");
            let key = |one: &Device| match by {
                Order::Label => (one.label.to_lowercase(), 0),
                Order::Person => (one.user.clone(), 0),
                Order::Group => (one.group.to_string(), 0),
                Order::Contact => (String::new(), -one.last_contact.map_or(0, |time| time.0)),
                Order::Silence => (String::new(), one.last_contact.map_or(0, |time| time.0)),
                Order::Enrolled => (String::new(), -one.enrolled_at.0),
            };
            assert!(shown.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])), "{by:?}");
        }
    }
}

#[tokio::test]
async fn a_filter_finds_what_it_names_and_nothing_else() {
    let place = place().await;
    let all = fleet(&place).await;
    let mut work = place.store.begin().await.unwrap();
    work.add_order(&order(&all[7], 1)).await.unwrap();
    for (team, version) in [("home", 2), ("ward", 1)] {
        work.add_policy(&policy(team, version, Share::ALL)).await.unwrap();
    }
    work.add_policy(&policy("home", 9, Share::percent(5).unwrap())).await.unwrap();
    work.commit().await.unwrap();
    let prefix = all[3].id.to_string()[..8].to_owned();
    let by = |filter: Filter, wanted: fn(&Device) -> bool| (filter, wanted);
    let plain = Filter::default;
    for (filter, wanted) in [
        by(plain().search("ＰＣ ハナ"), |one| one.user == "佐藤 はな"),
        by(plain().search("nobody"), |_| false),
        by(plain().search("花子 pc-"), |one| one.user == "山田 花子"),
        by(plain().search("SUZUKI ward"), |one| one.user == "Suzuki" && one.group.as_str() == "ward"),
        by(plain().search("%"), |_| false),
        by(Filter { group: Some(group("ward")), ..plain() }, |one| one.group.as_str() == "ward"),
        by(Filter { tier: Some(Tier::Tpm), ..plain() }, |one| one.tier == Tier::Tpm),
        by(Filter { wipe: Some(CommandState::Issued), ..plain() }, |one| one.standing == Standing::Wiping),
        by(Filter { outdated: true, ..plain() }, |one| {
            let newest = if one.group.as_str() == "home" { 2 } else { 1 };
            one.standing == Standing::Active && one.held.policy.0 < newest
        }),
        by(Filter { lease_over: Some(UnixTime(1_004)), ..plain() }, |one| one.lease_until.unwrap().0 < 1_004),
        by(Filter { outdated: true, ..plain() }.search("佐藤"), |one| {
            one.user == "佐藤 はな" && one.held.policy.0 < if one.group.as_str() == "home" { 2 } else { 1 }
        }),
    ] {
        let wanted: Vec<_> = all.iter().filter(|one| wanted(one)).cloned().collect();
        for by in [Order::Label, Order::Contact] {
            assert_eq!(ids(&pages(&place, &filter, by).await), ids(&wanted), "{filter:?}");
        }
        let page = place.store.view().await.unwrap().device_page(&filter, Order::Person, None, 50).await.unwrap();
        assert_eq!(page.found, Found::Exactly(u64::try_from(wanted.len()).unwrap()));
    }
    let by_id = pages(&place, &plain().search(&prefix), Order::Label).await;
    assert_eq!(ids(&by_id), [all[3].id]);
}

fn policy(team: &str, version: u64, share: Share) -> SignedPolicy {
    SignedPolicy {
        group: group(team),
        version: Version(version),
        issued_at: UnixTime(1),
        expires_at: UnixTime(2),
        toml: String::new(),
        envelope: vec![1],
        lease_seconds: 60,
        minimum_tier: Tier::Software,
        share,
    }
}

#[tokio::test]
async fn a_device_that_was_taken_off_the_list_is_on_no_list() {
    let place = place().await;
    let all = fleet(&place).await;
    let mut work = place.store.begin().await.unwrap();
    work.delete_device(all[0].id, UnixTime(9)).await.unwrap();
    work.commit().await.unwrap();
    for by in Order::ALL {
        assert_eq!(pages(&place, &Filter::default(), by).await.len(), all.len() - 1, "{by:?}");
    }
    let mut view = place.store.view().await.unwrap();
    let page = view.device_page(&Filter::default(), Order::Label, None, 3).await.unwrap();
    assert_eq!(page.found, Found::Exactly(11));
    let word = Filter::default().search(&all[0].label);
    assert_eq!(view.device_page(&word, Order::Label, None, 3).await.unwrap().devices, []);
}

#[tokio::test]
async fn a_policy_for_a_share_is_not_the_groups_own_and_still_takes_a_version() {
    let place = place().await;
    let mut work = place.store.begin().await.unwrap();
    work.add_policy(&policy("home", 1, Share::ALL)).await.unwrap();
    work.add_policy(&policy("home", 2, Share::percent(5).unwrap())).await.unwrap();
    assert_eq!(work.policy(&group("home")).await.unwrap().unwrap().version, Version(1));
    assert_eq!(work.policies().await.unwrap().len(), 1);
    assert_eq!(work.trials().await.unwrap()[0].version, Version(2));
    assert_eq!(work.next_policy_version(&group("home")).await.unwrap(), Version(3));
    work.add_policy(&policy("home", 3, Share::ALL)).await.unwrap();
    assert_eq!(work.trials().await.unwrap(), []);
    let history = work.policy_history(&group("home"), 10).await.unwrap();
    assert_eq!(history.iter().map(|one| one.version.0).collect::<Vec<_>>(), [3, 2, 1]);
}

#[tokio::test]
async fn refusals_are_counted_by_host_and_week_and_forgotten() {
    let place = place().await;
    let (day, blocked, wished) = (Day(20_000), DeviceEventKind::Blocked, DeviceEventKind::AccessWished);
    let who = |seed: u8, id| alias(&[seed; 32], id);
    let (one, two) = (DeviceId::random(), DeviceId::random());
    let mut work = place.store.begin().await.unwrap();
    for (id, kind, host) in [
        (one, blocked, "a.example"),
        (one, blocked, "a.example"),
        (two, blocked, "a.example"),
        (two, blocked, "b.example"),
        (two, wished, "b.example"),
    ] {
        work.count_event(day, &group("home"), who(1, id), kind, Some(host)).await.unwrap();
    }
    work.put_week_salt(day.week(), &[1; 32]).await.unwrap();
    work.commit().await.unwrap();
    let mut view = place.store.view().await.unwrap();
    let told = |one: &crate::HostCount| (one.host.clone(), one.blocked, one.wished, one.devices);
    let hosts = view.hosts(day.week(), Some(&group("home")), 10).await.unwrap();
    assert_eq!(
        hosts.iter().map(told).collect::<Vec<_>>(),
        [("b.example".to_owned(), 1, 1, 1), ("a.example".to_owned(), 3, 0, 2)]
    );
    assert_eq!(view.hosts(day.week(), Some(&group("ward")), 10).await.unwrap(), []);
    let both = ["a.example".to_owned(), "b.example".to_owned()];
    assert_eq!(view.hosts_sum(day.week(), &group("home"), &both).await.unwrap(), (4, 2));
    assert_eq!(view.hosts_sum(day.week(), &group("home"), &[]).await.unwrap(), (0, 0));
    assert_eq!(view.days(day).await.unwrap().iter().map(|one| one.count).collect::<Vec<_>>(), [1, 4]);
    drop(view);
    let mut work = place.store.begin().await.unwrap();
    work.forget_weeks(Week(day.week().0 + 1)).await.unwrap();
    assert_eq!(work.week_salt(day.week()).await.unwrap(), None, "the salt is gone with its week");
    assert_eq!(work.hosts(day.week(), None, 10).await.unwrap().len(), 2);
    work.forget_weeks(Week(day.week().0 + 20)).await.unwrap();
    assert_eq!(work.hosts(day.week(), None, 10).await.unwrap(), []);
    assert_eq!(work.days(Day(0)).await.unwrap(), []);
}

#[tokio::test]
async fn one_device_cannot_fill_a_week_with_made_up_hosts() {
    let place = place().await;
    let mut work = place.store.begin().await.unwrap();
    for at in 0..700 {
        let host = format!("h{at}.example");
        work.count_event(Day(1), &group("home"), [7; 8], DeviceEventKind::Blocked, Some(&host)).await.unwrap();
    }
    // One that is there already still counts.
    work.count_event(Day(1), &group("home"), [7; 8], DeviceEventKind::Blocked, Some("h0.example")).await.unwrap();
    let hosts = work.hosts(Day(1).week(), None, 1_000).await.unwrap();
    assert_eq!((hosts.len(), hosts.iter().map(|one| one.blocked).max()), (500, Some(2)));
}
