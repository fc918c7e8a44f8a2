//! What several pages are made of: choices, the honest state of an order, days.

use jiff::{Timestamp, tz::TimeZone};
use policy_server_core::{
    fleet::{Device, Standing},
    outbox::{CommandState, Order},
};
use workspace_protocol::{documents::Action, ids::UnixTime};
use workspace_words::Lang;

use super::{overview::standing_words, page::Page};
use crate::server::Server;

/// An entry of a list to choose from.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What it says.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// An entry; chosen if `held` is its value.
    pub fn new(value: &str, label: String, held: &str) -> Self {
        Self { value: value.to_owned(), label, chosen: value == held }
    }
}

/// What is known of a device, and nothing more than that.
#[derive(Clone, Debug)]
pub struct State {
    /// `good`, `warn`, `bad` or nothing.
    pub tone: &'static str,
    /// In words.
    pub text: String,
}

/// The state of a device under its newest wipe, if there is one.
pub fn state(server: &Server, page: &Page, device: &Device, wipe: Option<&Order>) -> State {
    if let Some(order) = wipe {
        return order_state(server, page, order);
    }
    let tone = match device.standing {
        Standing::Active => "good",
        Standing::Locked | Standing::Wiping => "warn",
        Standing::Wiped | Standing::Retired => "",
    };
    State { tone, text: page.t(standing_words(device.standing)) }
}

/// How far an order is, as it is known.
pub fn order_state(server: &Server, page: &Page, order: &Order) -> State {
    let at = |id: &str, time: Option<UnixTime>| page.t1(id, "time", &page.at(&time.unwrap_or(order.issued_at)));
    let wipe = order.action != Action::Lock;
    let (tone, text) = match order.state {
        CommandState::Requested | CommandState::Approved => {
            let (by, time) = (super::waiting::asker(page, &order.consent.by), page.at(&order.consent.at));
            ("warn", page.t2("pages-order-approval-by", &("by", &by), &("time", &time)))
        }
        CommandState::Issued if server.bus.is_connected(order.device) => ("warn", at("pages-order-asked", None)),
        CommandState::Issued => ("warn", at("pages-order-waiting", None)),
        CommandState::Accepted if wipe => ("warn", at("pages-order-accepted", order.accepted_at)),
        CommandState::Accepted => ("good", at("pages-order-noted", order.accepted_at)),
        CommandState::Destroyed if wipe => ("good", at("pages-order-destroyed", order.destroyed_at)),
        CommandState::Destroyed => ("good", at("pages-order-noted", order.destroyed_at)),
        CommandState::LeaseDead => ("warn", at("pages-order-dead", order.lease_dead_at)),
        CommandState::ReceiptBad => ("bad", page.t("pages-order-bad")),
        CommandState::Withdrawn => ("", page.t("pages-order-withdrawn")),
        CommandState::Rejected => ("", page.t("pages-order-rejected")),
        CommandState::Expired => ("", page.t("pages-order-expired")),
    };
    State { tone, text }
}

impl Page {
    /// A day as people write it.
    pub fn day(&self, time: &UnixTime) -> String {
        let Ok(stamp) = Timestamp::from_second(time.0) else { return time.0.to_string() };
        let local = stamp.to_zoned(TimeZone::try_system().unwrap_or(TimeZone::UTC));
        match self.lang {
            Lang::Ja => local.strftime("%Y年%-m月%-d日").to_string(),
            Lang::En => local.strftime("%-d %B %Y").to_string(),
        }
    }

    /// A sentence with two things filled in, as templates say it.
    pub fn two(&self, id: &str, one: &str, is: &str, two: &str, are: &str) -> String {
        workspace_words::text(self.lang, id, &[(one, is), (two, are)])
    }

    /// A sentence with three things filled in, as templates say it.
    #[allow(clippy::too_many_arguments, reason = "a template cannot hand over pairs")]
    pub fn three(&self, id: &str, one: &str, is: &str, two: &str, are: &str, three: &str, be: &str) -> String {
        workspace_words::text(self.lang, id, &[(one, is), (two, are), (three, be)])
    }

    /// A time, or a word for none.
    pub fn maybe(&self, time: &Option<UnixTime>) -> String {
        time.as_ref().map_or_else(|| self.t("pages-never"), |time| self.at(time))
    }
}

/// A query of an address.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}

#[cfg(test)]
impl Page {
    /// A frame for tests of words.
    pub fn sample(lang: Lang) -> Self {
        let none = String::new;
        let (title, org, csrf, here, icon, css, js) = (none(), none(), none(), none(), none(), none(), none());
        Self { lang, title, org, who: None, nav: Vec::new(), csrf, here, icon, css, js }
    }
}
