//! Units that commit together.
#![allow(clippy::unwrap_used)]

use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    options: SqliteConnectOptions,
    writer: Writer,
}

/// A database whose second table takes no value that the first has not, which it looks at when it commits.
async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.db");
    let options = SqliteConnectOptions::from_str(path.to_str().unwrap()).unwrap();
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).foreign_keys(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let tables = "CREATE TABLE kept (n INTEGER PRIMARY KEY);
        CREATE TABLE bound (n INTEGER REFERENCES kept (n) DEFERRABLE INITIALLY DEFERRED)";
    sqlx::query(tables).execute(&mut connection).await.unwrap();
    Place { _folder: folder, options, writer: Writer::new(connection) }
}

impl Place {
    /// What another connection sees: the durable rows only.
    async fn durable(&self) -> Vec<i64> {
        let mut other = SqliteConnection::connect_with(&self.options).await.unwrap();
        sqlx::query_scalar("SELECT n FROM kept ORDER BY n").fetch_all(&mut other).await.unwrap()
    }

    async fn unit(&self, n: i64) -> Unit {
        let mut unit = self.writer.begin(true).await.unwrap();
        keep(&mut unit, n).await;
        unit
    }

    /// Waits until as many units are in line.
    async fn until_waiting(&self, count: usize) {
        while self.writer.0.waiting.load(Ordering::Acquire) != count {
            tokio::task::yield_now().await;
        }
    }
}

async fn keep(unit: &mut Unit, n: i64) {
    sqlx::query("INSERT INTO kept VALUES (?)").bind(n).execute(unit.connection()).await.unwrap();
}

#[tokio::test]
async fn a_unit_that_shares_its_commit_is_told_when_it_is_durable_and_not_before() {
    let place = place().await;
    let first = place.unit(1).await;
    let writer = place.writer.clone();
    let (go, wait) = tokio::sync::oneshot::channel();
    let second = tokio::spawn(async move {
        let mut unit = writer.begin(true).await.unwrap();
        wait.await.unwrap();
        keep(&mut unit, 2).await;
        unit.commit().await
    });
    place.until_waiting(1).await;
    let mut first = tokio::spawn(first.commit());
    // The first has handed its turn on; the second holds it and has not ended.
    place.until_waiting(0).await;
    tokio::select! {
        biased;
        _ = &mut first => panic!("told before it was durable"),
        () = tokio::task::yield_now() => {}
    }
    assert!(place.durable().await.is_empty());
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(place.durable().await, [1, 2]);
}

#[tokio::test]
async fn many_units_are_all_kept_and_each_is_durable_when_it_is_told() {
    let place = place().await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let (writer, options) = (place.writer.clone(), place.options.clone());
            tokio::spawn(async move {
                let mut unit = writer.begin(n % 5 != 0).await.unwrap();
                keep(&mut unit, n).await;
                unit.commit().await.unwrap();
                let mut other = SqliteConnection::connect_with(&options).await.unwrap();
                let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM kept WHERE n = ?")
                    .bind(n)
                    .fetch_one(&mut other)
                    .await
                    .unwrap();
                assert_eq!(seen, 1);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(place.durable().await.len(), 50);
}

/// Lets `left` be dropped between two units that commit together.
async fn between(place: &Place, begin_joint: bool) {
    let first = place.unit(1).await;
    let (left, last) = (place.writer.clone(), place.writer.clone());
    let left = tokio::spawn(async move {
        let mut unit = left.begin(begin_joint).await.unwrap();
        keep(&mut unit, 2).await;
        drop(unit);
    });
    place.until_waiting(1).await;
    let last = tokio::spawn(async move {
        let mut unit = last.begin(true).await.unwrap();
        keep(&mut unit, 3).await;
        unit.commit().await
    });
    place.until_waiting(2).await;
    first.commit().await.unwrap();
    left.await.unwrap();
    last.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_unit_that_is_dropped_takes_nothing_of_the_others_with_it() {
    for joint in [true, false] {
        let place = place().await;
        between(&place, joint).await;
        assert_eq!(place.durable().await, [1, 3]);
    }
}

#[tokio::test]
async fn a_unit_that_wants_to_be_alone_sees_only_what_is_durable() {
    let place = place().await;
    let first = place.unit(1).await;
    let writer = place.writer.clone();
    let alone = tokio::spawn(async move { writer.begin(false).await });
    place.until_waiting(1).await;
    let first = tokio::spawn(first.commit());
    let unit = alone.await.unwrap().unwrap();
    assert_eq!(place.durable().await, [1]);
    first.await.unwrap().unwrap();
    drop(unit);
}

#[tokio::test]
async fn a_commit_that_fails_fails_for_everybody_in_it_and_keeps_nothing() {
    let place = place().await;
    let first = place.unit(1).await;
    let writer = place.writer.clone();
    let second = tokio::spawn(async move {
        let mut unit = writer.begin(true).await.unwrap();
        sqlx::query("INSERT INTO bound VALUES (99)").execute(unit.connection()).await.unwrap();
        unit.commit().await
    });
    place.until_waiting(1).await;
    assert!(first.commit().await.is_err());
    assert!(second.await.unwrap().is_err());
    assert!(place.durable().await.is_empty());
    place.unit(5).await.commit().await.unwrap();
    assert_eq!(place.durable().await, [5]);
}

#[tokio::test]
async fn a_transaction_that_the_database_gave_up_is_not_taken_for_done() {
    let place = place().await;
    let first = place.unit(1).await;
    let writer = place.writer.clone();
    let second = tokio::spawn(async move {
        let mut unit = writer.begin(true).await.unwrap();
        // As the database does by itself when the disk is full.
        sqlx::query("ROLLBACK").execute(unit.connection()).await.unwrap();
        drop(unit);
        let mut third = writer.begin(true).await.unwrap();
        keep(&mut third, 3).await;
        third.commit().await
    });
    place.until_waiting(1).await;
    assert!(first.commit().await.is_err());
    second.await.unwrap().unwrap();
    assert_eq!(place.durable().await, [3]);
}

#[tokio::test]
async fn who_stops_waiting_for_a_commit_leaves_nothing_open() {
    let place = place().await;
    let first = place.unit(1).await;
    let held = place.writer.clone();
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let second = tokio::spawn(async move {
        let unit = held.begin(true).await.unwrap();
        wait.await.unwrap();
        drop(unit);
    });
    place.until_waiting(1).await;
    let first = tokio::spawn(first.commit());
    place.until_waiting(0).await;
    first.abort();
    assert!(first.await.is_err());
    go.send(()).unwrap();
    second.await.unwrap();
    place.writer.close().await;
    assert_eq!(place.durable().await, [1]);
}
