//! Figures out of a census: pure sums, and the bars that show them.

use std::collections::BTreeMap;

use policy_server_core::fleet::Standing;
use policy_server_store::CensusLine;
use workspace_protocol::ids::{GroupName, Version};

/// Most bars of a picture; the rest are one together.
const BARS: usize = 8;

/// Sums over the devices of a census.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// By standing, in its own order.
    pub standings: Vec<(Standing, u64)>,
    /// By tier.
    pub tiers: BTreeMap<&'static str, u64>,
    /// By the system they say they run.
    pub systems: BTreeMap<String, u64>,
    /// By group.
    pub groups: BTreeMap<GroupName, u64>,
    /// In use, with a lease that runs.
    pub leased: u64,
    /// In use, and the last lease is over.
    pub lease_over: u64,
    /// In use, with an older policy than their group's.
    pub outdated: u64,
    /// In use.
    pub in_use: u64,
}

/// Adds up the lines of a census; of one group, if only that may be seen. `newest`: the version of each group.
pub fn sums(lines: &[CensusLine], only: Option<&GroupName>, newest: &BTreeMap<GroupName, Version>) -> Sums {
    let mut sums = Sums { standings: Standing::ALL.map(|one| (one, 0)).to_vec(), ..Sums::default() };
    for line in lines.iter().filter(|line| only.is_none_or(|group| *group == line.group)) {
        if let Some((_, held)) = sums.standings.iter_mut().find(|(standing, _)| *standing == line.standing) {
            *held += line.count;
        }
        if !in_use(line.standing) {
            continue;
        }
        *sums.tiers.entry(line.tier.word()).or_default() += line.count;
        *sums.systems.entry(line.os.clone()).or_default() += line.count;
        *sums.groups.entry(line.group.clone()).or_default() += line.count;
        sums.in_use += line.count;
        sums.lease_over += line.lease_over;
        sums.leased += line.count.saturating_sub(line.lease_over);
        if newest.get(&line.group).is_some_and(|newest| line.policy < *newest) {
            sums.outdated += line.count;
        }
    }
    sums
}

fn in_use(standing: Standing) -> bool {
    match standing {
        Standing::Active | Standing::Locked => true,
        Standing::Wiping | Standing::Wiped | Standing::Retired => false,
    }
}

/// One bar of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it counts.
    pub label: String,
    /// How much.
    pub count: u64,
    /// Its length in parts of 1,000 of the longest.
    pub length: u64,
    /// Its place from the top or from the left, from 0.
    pub at: usize,
}

/// The largest as bars, the others together as one called `rest`.
pub fn bars(counts: impl IntoIterator<Item = (String, u64)>, rest: &str) -> Vec<Bar> {
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    if counts.len() > BARS {
        let others = counts.split_off(BARS - 1);
        counts.push((rest.to_owned(), others.iter().map(|(_, count)| count).sum()));
    }
    in_order(counts)
}

/// Bars in the order they come in.
pub fn in_order(counts: Vec<(String, u64)>) -> Vec<Bar> {
    let longest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let bar = |(at, (label, count)): (usize, (String, u64))| Bar { length: count * 1_000 / longest, label, count, at };
    counts.into_iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use policy_server_core::fleet::Tier;

    fn line(group: &str, standing: Standing, policy: u64, count: u64) -> CensusLine {
        CensusLine {
            group: group.parse().unwrap(),
            policy: Version(policy),
            standing,
            tier: Tier::Software,
            os: "Debian".to_owned(),
            count,
            lease_over: count / 2,
        }
    }

    #[test]
    fn devices_that_are_out_of_use_count_by_standing_only() {
        let lines = [line("a", Standing::Active, 1, 10), line("a", Standing::Wiped, 1, 4)];
        let sums = sums(&lines, None, &BTreeMap::from([("a".parse().unwrap(), Version(2))]));
        assert_eq!((sums.in_use, sums.outdated, sums.leased, sums.lease_over), (10, 10, 5, 5));
        assert!(sums.standings.contains(&(Standing::Wiped, 4)));
        assert_eq!(sums.tiers.get("software"), Some(&10));
    }

    #[test]
    fn a_role_of_one_group_sees_that_groups_sums_only() {
        let lines = [line("a", Standing::Active, 1, 10), line("b", Standing::Active, 1, 3)];
        let only = "b".parse().unwrap();
        let sums = sums(&lines, Some(&only), &BTreeMap::new());
        assert_eq!((sums.in_use, sums.outdated, sums.groups.len()), (3, 0, 1));
    }

    #[test]
    fn a_picture_has_few_bars_and_loses_nothing() {
        let counts = (1..=20u64).map(|n| (format!("{n:02}"), n));
        let bars = bars(counts, "rest");
        assert_eq!((bars.len(), bars.iter().map(|bar| bar.count).sum::<u64>()), (BARS, 210));
        assert_eq!(bars.last().unwrap().label, "rest");
        assert_eq!(bars.iter().map(|bar| bar.length).max(), Some(1_000));
    }
}
