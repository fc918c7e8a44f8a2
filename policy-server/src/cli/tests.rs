//! The command line from outside of its parts: shapes, a boundary's way to a server, an export's proof.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, path::Path};

use clap::{CommandFactory, Parser};
use policy_server_core::note::NoteKey;

use super::{Cli, Command, audit};
use crate::{failure::Failure, testing::Rig};

#[test]
fn the_surface_is_that_of_the_contract() {
    Cli::command().debug_assert();
    for line in [
        "policy-server init --data d --url https://h --org Clinic",
        "policy-server serve --data d --listen 127.0.0.1:0",
        "policy-server invite --data d --user A --group g --expires 15m --json",
        "policy-server device list --data d --json",
        "policy-server device show X --data d --json",
        "policy-server device wipe X --data d --wait 5 --json",
        "policy-server device lock X --data d",
        "policy-server device release X --data d",
        "policy-server device retire X --data d",
        "policy-server policy apply f.toml --group g --data d --json",
        "policy-server policy check f.toml --json",
        "policy-server boundary init f.toml",
        "policy-server boundary sign f.toml --root-key k --out o --version 3 --expires 365d",
        "policy-server boundary show o",
        "policy-server boundary apply o --data d",
        "policy-server backup f --data d --json",
        "policy-server restore f --data d --json",
        "policy-server recover --data d --json",
        "policy-server migrate --from sqlite:a --to sqlite:b --json",
        "policy-server keys show --data d --json",
        "policy-server keys rotate online --data d --root-key k --json",
        "policy-server keys rotate ca --data d --overlap 7d --json",
        "policy-server audit verify o --json",
        "policy-server audit export o --data d",
        "policy-server audit export o --data d --format json-lines --since 2026-04-01 --until 2026-05-01",
        "policy-server audit export - --data d --format syslog",
        "policy-server audit ledger o --data d --format csv",
        "policy-server audit review - --data d --format json --since 2026-04-01",
        "policy-server audit show o --json",
        "policy-server audit show --data d",
    ] {
        assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
    }
}

#[test]
fn bad_usage_is_refused() {
    for line in
        ["policy-server", "policy-server serve", "policy-server invite --data d --user A --group g --expires 1x"]
    {
        assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
    }
}

#[test]
fn help_reads_as_it_should() {
    let help = |path: &[&str]| {
        let mut command = Cli::command();
        command.build();
        let found = path.iter().try_fold(&mut command, |at, name| at.find_subcommand_mut(name)).unwrap();
        found.render_help().to_string()
    };
    insta::assert_snapshot!("help", help(&[]));
    insta::assert_snapshot!("help_device_wipe", help(&["device", "wipe"]));
    insta::assert_snapshot!("help_boundary_sign", help(&["boundary", "sign"]));
}

fn boundary(line: String) -> Result<std::process::ExitCode, Failure> {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Boundary(command) = cli.command else { unreachable!("a boundary command") };
    super::boundary::run(command)
}

#[test]
fn a_boundary_is_made_and_signed_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let key = workspace_protocol::crypto::SigningKey::generate().unwrap();
    crate::data::root::save(&folder.path().join("root.key"), &key).unwrap();
    boundary(format!("p boundary init {}", at("b.toml"))).unwrap();
    assert_eq!(boundary(format!("p boundary init {}", at("b.toml"))).unwrap_err().id, "file-unwritable");
    let sign = format!("p boundary sign {} --root-key {} --out {}", at("b.toml"), at("root.key"), at("b.signed"));
    boundary(sign.clone()).unwrap();
    boundary(format!("p boundary show {} --root-key {}", at("b.signed"), at("root.key"))).unwrap();
    fs::write(at("b.toml"), "schema = 1\nallow = [\"*.x\"]\n").unwrap();
    let failure = boundary(sign).unwrap_err();
    assert_eq!(failure.id, "boundary-faults");
    assert!(failure.lines.iter().any(|line| line.contains("b.toml:2")), "{failure:?}");
    fs::write(at("b.signed"), "junk").unwrap();
    assert_eq!(boundary(format!("p boundary show {}", at("b.signed"))).unwrap_err().id, "boundary-unsigned");
}

async fn export(rig: &Rig) -> std::path::PathBuf {
    let out = rig.path("export");
    let _ = fs::remove_dir_all(&out);
    let line = format!("p audit export {} --data {}", out.display(), rig.dir.path().display());
    let Command::Audit(command) = Cli::try_parse_from(line.split(' ')).unwrap().command else {
        unreachable!("an audit command")
    };
    audit::run(command).await.unwrap();
    out
}

async fn bad_index(path: &Path, key: Option<NoteKey>) -> Option<u64> {
    audit::check(path, key).await.unwrap().unwrap_err().index
}

fn rewrite(out: &Path, change: impl Fn(&mut Vec<String>)) {
    let path = out.join("leaves.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
}

#[tokio::test]
async fn an_export_verifies_and_a_changed_one_names_the_first_bad_entry() {
    let rig = Rig::start().await;
    for _ in 0..5 {
        rig.invite().await;
    }
    let out = export(&rig).await;
    let tree = audit::check(&out, None).await.unwrap().unwrap();
    assert_eq!(tree.size, 8);
    assert_eq!(audit::check(rig.dir.path(), None).await.unwrap().unwrap(), tree, "the data folder says the same");

    rewrite(&out, |lines| lines[3] = lines[4].clone());
    assert_eq!(bad_index(&out, None).await, Some(3));
    let out = export(&rig).await;
    rewrite(&out, |lines| drop(lines.remove(2)));
    assert_eq!(bad_index(&out, None).await, Some(2));
    let out = export(&rig).await;
    rewrite(&out, |lines| lines.push(lines[7].clone()));
    assert_eq!(bad_index(&out, None).await, Some(8));
    let out = export(&rig).await;
    rewrite(&out, |lines| drop(lines.pop()));
    assert_eq!(bad_index(&out, None).await, Some(7));
    let out = export(&rig).await;
    rewrite(&out, |lines| lines[6] = "{}".to_owned());
    assert_eq!(bad_index(&out, None).await, Some(6));
}

#[tokio::test]
async fn a_log_signed_by_another_key_is_not_taken_for_this_one() {
    let (rig, other) = (Rig::bare().await, Rig::bare().await);
    let out = export(&rig).await;
    assert_eq!(bad_index(&out, Some(other.server.keys.log.clone())).await, Some(0));
    fs::write(out.join("checkpoint"), "nothing\n").unwrap();
    assert_eq!(bad_index(&out, None).await, None);
}

#[tokio::test]
async fn a_row_changed_in_the_database_is_named() {
    let rig = Rig::start().await;
    rig.invite().await;
    let path = rig.dir.database();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE audit_leaf SET leaf = x'00' WHERE position = 2").execute(&mut connection).await.unwrap();
    assert_eq!(bad_index(rig.dir.path(), None).await, Some(2));
}
