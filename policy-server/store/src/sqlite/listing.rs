//! Lists of devices: a page of any of 100,000 in a few milliseconds.
//!
//! Two ways, since one alone is slow somewhere: what a filter finds is collected up to [`FEW`] and sorted; if there is
//! more, the order's own index is walked, which then meets a page soon.

use policy_server_core::{
    fleet::Device,
    listing::{After, Filter, Order, Value, searched},
};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::rows;
use crate::{DevicePage, Found, StoreError};

type Result<T> = std::result::Result<T, StoreError>;
type Query = QueryBuilder<Sqlite>;

/// Most devices that are collected and sorted.
const FEW: u32 = 2_000;
/// Most groups whose policies are compared one by one.
const GROUPS: usize = 400;
/// Fewest characters that are taken for the beginning of an id.
const ID_LEAST: usize = 4;

pub(super) async fn page(
    connection: &mut SqliteConnection,
    filter: &Filter,
    order: Order,
    after: Option<&After>,
    limit: u32,
) -> Result<DevicePage> {
    let newest = if filter.outdated { newest_versions(connection).await? } else { Vec::new() };
    let narrowed = *filter != Filter::default();
    let found = if narrowed { few(connection, filter, &newest).await? } else { None };
    let (mut devices, found) = match found {
        Some(ids) => {
            let devices = among(connection, &ids, order, after, limit).await?;
            (devices, Found::Exactly(u64::try_from(ids.len()).unwrap_or(u64::MAX)))
        }
        None => {
            let devices = walk(connection, filter, &newest, order, after, limit).await?;
            let found = if narrowed { Found::MoreThan(u64::from(FEW)) } else { Found::Exactly(all(connection).await?) };
            (devices, found)
        }
    };
    let more = devices.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    devices.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = devices.last().filter(|_| more).map(|last| place(order, last));
    Ok(DevicePage { devices, next, found })
}

async fn all(connection: &mut SqliteConnection) -> Result<u64> {
    let count: i64 =
        sqlx::query_scalar("SELECT (SELECT count(*) FROM device) - (SELECT count(*) FROM device WHERE find = '')")
            .fetch_one(connection)
            .await?;
    Ok(count.unsigned_abs())
}

/// The newest version that is for all of each group.
async fn newest_versions(connection: &mut SqliteConnection) -> Result<Vec<(String, i64)>> {
    let query = sqlx::query("SELECT team, max(version) FROM policy WHERE share = 10000 GROUP BY team");
    let all = query.fetch_all(connection).await?;
    all.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The ids a filter finds, or `None` if they are many.
async fn few(
    connection: &mut SqliteConnection,
    filter: &Filter,
    newest: &[(String, i64)],
) -> Result<Option<Vec<String>>> {
    // With words, one index holds all that most filters need; without, SQLite knows the best one.
    let table = if filter.words.is_empty() { "device" } else { "device INDEXED BY device_find" };
    let mut query = Query::new(format!("SELECT id FROM {table} WHERE 1"));
    conditions(&mut query, filter, newest);
    query.push(" LIMIT ").push_bind(FEW + 1);
    let ids: Vec<String> = query.build_query_scalar().fetch_all(connection).await?;
    Ok((ids.len() <= usize::try_from(FEW).unwrap_or(usize::MAX)).then_some(ids))
}

fn conditions(query: &mut Query, filter: &Filter, newest: &[(String, i64)]) {
    // What was taken off the list has no words left to be found by.
    query.push(" AND +find > ''");
    for word in &filter.words {
        query.push(" AND (instr(find, ").push_bind(word.clone()).push(") > 0");
        if let Some(end) = id_range(word) {
            query.push(" OR (id >= ").push_bind(word.clone()).push(" AND id < ").push_bind(end).push(")");
        }
        query.push(")");
    }
    if let Some(group) = &filter.group {
        query.push(" AND team = ").push_bind(group.as_str().to_owned());
    }
    if let Some(standing) = filter.standing {
        query.push(" AND standing = ").push_bind(standing.word());
    }
    if let Some(tier) = filter.tier {
        query.push(" AND tier = ").push_bind(tier.word());
    }
    if let Some(state) = filter.wipe {
        query.push(" AND (id, epoch) IN (SELECT device, epoch FROM command WHERE action = 'wipe' AND state = ");
        query.push_bind(state.word()).push(")");
    }
    if let Some(now) = filter.lease_over {
        query.push(" AND +standing IN ('active', 'locked') AND coalesce(lease_until, 0) < ").push_bind(now.0);
    }
    if filter.outdated {
        outdated(query, newest);
    }
}

fn outdated(query: &mut Query, newest: &[(String, i64)]) {
    // The plus keeps SQLite from walking nearly all devices by their standing.
    query.push(" AND +standing IN ('active', 'locked') AND ");
    if newest.len() > GROUPS {
        query
            .push("held_policy < (SELECT max(p.version) FROM policy p WHERE p.team = device.team AND p.share = 10000)");
        return;
    }
    query.push("(0");
    for (team, version) in newest {
        query.push(" OR (team = ").push_bind(team.clone()).push(" AND held_policy < ").push_bind(*version).push(")");
    }
    query.push(")");
}

/// The end of the range of ids that begin with `word`, if it can be the beginning of one.
fn id_range(word: &str) -> Option<String> {
    let like = word.len() >= ID_LEAST && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    like.then(|| format!("{word}~"))
}

/// How an order is written: the index, the column, whether it falls.
fn column(order: Order) -> (&'static str, &'static str, bool) {
    match order {
        Order::Label => ("device_find", "find", false),
        Order::Person => ("device_person", "person", false),
        Order::Group => ("device_by_team", "team", false),
        Order::Contact => ("device_contact", "coalesce(last_contact, 0)", true),
        Order::Silence => ("device_contact", "coalesce(last_contact, 0)", false),
        Order::Enrolled => ("device_enrolled", "enrolled_at", true),
    }
}

fn place(order: Order, device: &Device) -> After {
    let value = match order {
        Order::Label => Value::Text(searched(&device.label, &device.user, &device.group)),
        Order::Person => Value::Text(device.user.clone()),
        Order::Group => Value::Text(device.group.to_string()),
        Order::Contact | Order::Silence => Value::Number(device.last_contact.map_or(0, |time| time.0)),
        Order::Enrolled => Value::Number(device.enrolled_at.0),
    };
    After { value, id: device.id }
}

fn sorted(query: &mut Query, order: Order, after: Option<&After>, limit: u32) {
    let (_, column, falls) = column(order);
    if let Some(after) = after {
        query.push(format!(" AND ({column}, id) {} (", if falls { "<" } else { ">" }));
        match &after.value {
            Value::Text(text) => query.push_bind(text.clone()),
            Value::Number(number) => query.push_bind(*number),
        };
        query.push(", ").push_bind(after.id.to_string()).push(")");
    }
    let way = if falls { "DESC" } else { "ASC" };
    query.push(format!(" ORDER BY {column} {way}, id {way} LIMIT ")).push_bind(limit + 1);
}

/// A page of a few known devices.
async fn among(
    connection: &mut SqliteConnection,
    ids: &[String],
    order: Order,
    after: Option<&After>,
    limit: u32,
) -> Result<Vec<Device>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new("SELECT * FROM device WHERE id IN (");
    let mut list = query.separated(", ");
    ids.iter().for_each(|id| {
        list.push_bind(id.clone());
    });
    query.push(")");
    sorted(&mut query, order, after, limit);
    query.build().fetch_all(connection).await?.iter().map(rows::device).collect()
}

/// A page along the order's index, leaving out what the filter does not find.
async fn walk(
    connection: &mut SqliteConnection,
    filter: &Filter,
    newest: &[(String, i64)],
    order: Order,
    after: Option<&After>,
    limit: u32,
) -> Result<Vec<Device>> {
    let (index, _, _) = column(order);
    let mut query = Query::new(format!("SELECT * FROM device INDEXED BY {index} WHERE 1"));
    conditions(&mut query, filter, newest);
    sorted(&mut query, order, after, limit);
    query.build().fetch_all(connection).await?.iter().map(rows::device).collect()
}
