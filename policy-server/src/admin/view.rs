//! From the core's types to what operators see.

use policy_server_core::{
    fleet::{Device, Tries},
    outbox::{Order, action_word},
};
use policy_server_store::EventRecord;
use workspace_protocol::ids::UnixTime;

use super::message::{DeviceView, EventView, FactsView, OrderView, Ordered, RefusedView};
use crate::{clock, flow::report::kind_word, server::Server};

pub fn device(server: &Server, device: Device, wipe: Option<&Order>) -> DeviceView {
    DeviceView {
        id: device.id.to_string(),
        connected: server.bus.is_connected(device.id),
        label: device.label,
        user: device.user,
        group: device.group.to_string(),
        tier: device.tier.word().to_owned(),
        epoch: device.epoch.0,
        state: device.standing.word().to_owned(),
        pin_locked: device.tries == Tries::Locked,
        tries_left: device.tries.left(),
        wipe: wipe.map(order),
        retire: None,
        deleted_at: None,
        boundary_version: device.held.boundary.0,
        policy_version: device.held.policy.0,
        policy_refused: device.refused.map(|one| RefusedView { version: one.version.0, reason: one.reason }),
        enrolled_at: clock::text(device.enrolled_at),
        last_contact: time(device.last_contact),
        lease_until: time(device.lease_until),
        reported: FactsView { os: device.facts.os, platform: device.facts.platform, version: device.facts.version },
        trust: None,
        posture: None,
        orders: None,
        events: None,
    }
}

pub fn order(order: &Order) -> OrderView {
    OrderView {
        seq: order.seq.0,
        action: action_word(order.action).to_owned(),
        state: order.state.word().to_owned(),
        issued_at: clock::text(order.issued_at),
        accepted_at: time(order.accepted_at),
        destroyed_at: time(order.destroyed_at),
        lease_dead_at: time(order.lease_dead_at),
        asked_by: order.consent.by.clone(),
        asked_at: clock::text(order.consent.at),
        decided_by: order.consent.decided_by.clone(),
    }
}

pub fn ordered(server: &Server, label: String, order: &Order) -> Ordered {
    Ordered {
        device: order.device.to_string(),
        label,
        seq: order.seq.0,
        action: action_word(order.action).to_owned(),
        state: order.state.word().to_owned(),
        delivering: server.serving,
        connected: server.bus.is_connected(order.device),
    }
}

pub fn event(record: EventRecord) -> EventView {
    EventView {
        at: clock::text(record.event.at),
        received_at: clock::text(record.received_at),
        kind: kind_word(record.event.kind).to_owned(),
        reason: record.event.reason,
        host: record.event.host,
    }
}

fn time(time: Option<UnixTime>) -> Option<String> {
    time.map(clock::text)
}
