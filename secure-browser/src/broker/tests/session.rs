//! The broker as the supervisor meets it: frames in, frames out, a door that arrives as a descriptor.

use std::os::unix::net::UnixStream;

use secure_browser_platform::process;
use tokio::{net::TcpStream, task::JoinHandle};
use workspace_protocol::{ids::Version, reason::Reason};

use super::{
    client::{Peer, reason, soon, status},
    org::{Org, system},
};
use crate::{
    broker::control::{SessionError, session},
    ipc::{self, FromBroker, ToBroker},
};

struct Supervisor {
    control: tokio::net::UnixStream,
    door: Option<UnixStream>,
    session: JoinHandle<Result<(), SessionError>>,
}

impl Supervisor {
    fn start() -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        let (door, their_door) = UnixStream::pair().unwrap();
        control.set_nonblocking(true).unwrap();
        let control = tokio::net::UnixStream::from_std(control).unwrap();
        Self {
            control,
            door: Some(door),
            session: tokio::spawn(session(theirs, their_door, super::world::start_clock())),
        }
    }

    async fn hear(&mut self) -> FromBroker {
        soon(ipc::receive(&mut self.control)).await.unwrap().unwrap()
    }

    async fn say(&mut self, word: ToBroker) {
        ipc::send(&mut self.control, &word).await.unwrap();
    }

    /// Hands over a listener; gives a connection to it.
    async fn open_door(&mut self) -> Peer<TcpStream> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        process::send_fd(self.door.as_ref().unwrap(), &listener).unwrap();
        Peer::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap())
    }
}

async fn ask(engine: &mut Peer<TcpStream>, host: &str) -> String {
    engine.ask(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n")).await
}

#[tokio::test]
async fn the_first_word_is_the_session_ca_and_the_last_is_the_supervisors() {
    let mut supervisor = Supervisor::start();
    let FromBroker::Ready { ca_pem } = supervisor.hear().await else { panic!("not ready") };
    assert!(ca_pem.starts_with("-----BEGIN CERTIFICATE-----") && !ca_pem.contains("PRIVATE"));
    drop(supervisor.control);
    assert!(soon(supervisor.session).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_supervisor_that_goes_without_reading_ends_the_session_too() {
    let mut supervisor = Supervisor::start();
    supervisor.hear().await;
    let mut engine = supervisor.open_door().await;
    assert_eq!(reason(&ask(&mut engine, "app.test").await), "policy.missing");
    soon(supervisor.control.readable()).await.unwrap();
    drop(supervisor.control);
    assert!(soon(supervisor.session).await.unwrap().is_ok());
}

#[tokio::test]
async fn orders_take_effect_and_are_answered() {
    let mut supervisor = Supervisor::start();
    supervisor.hear().await;
    let org = Org::new(&[443]);
    let mut engine = supervisor.open_door().await;
    assert_eq!(reason(&ask(&mut engine, "app.test").await), "policy.missing");
    assert!(matches!(supervisor.hear().await, FromBroker::Blocked(told) if told.reason == Reason::PolicyMissing));

    supervisor.say(ToBroker::Policy(org.bundle(3, &system("app", &["app.test"], "")))).await;
    assert!(matches!(supervisor.hear().await, FromBroker::InForce(Version(3))));
    supervisor.say(ToBroker::Policy(org.bundle(2, &system("app", &["app.test"], "")))).await;
    assert!(matches!(supervisor.hear().await, FromBroker::Refused(Reason::PolicyRollback)));
    assert_eq!(reason(&ask(&mut engine, "elsewhere.test").await), "origin.not-listed");
    assert!(matches!(supervisor.hear().await, FromBroker::Blocked(told) if told.url == "https://elsewhere.test/"));

    supervisor.say(ToBroker::Suspended(Some(Reason::DeviceLocked))).await;
    // The next order is answered after the suspension has taken effect.
    supervisor.say(ToBroker::Policy(org.bundle(4, &system("app", &["app.test"], "")))).await;
    assert!(matches!(supervisor.hear().await, FromBroker::InForce(Version(4))));
    let mut engine = Peer::new(TcpStream::connect(engine_address(&engine)).await.unwrap());
    assert_eq!(reason(&ask(&mut engine, "app.test").await), "device.locked");
    supervisor.hear().await;

    supervisor.say(ToBroker::Suspended(None)).await;
    supervisor.say(ToBroker::Policy(org.bundle(4, &system("app", &["app.test"], "")))).await;
    assert!(matches!(supervisor.hear().await, FromBroker::InForce(Version(4))));
    assert_eq!(status(&ask(&mut engine, "app.test").await), 200);
}

fn engine_address(engine: &Peer<TcpStream>) -> std::net::SocketAddr {
    engine.stream.peer_addr().unwrap()
}

#[tokio::test]
async fn a_door_that_does_not_arrive_or_words_that_are_none_end_the_session() {
    let mut supervisor = Supervisor::start();
    supervisor.hear().await;
    supervisor.door = None;
    assert!(matches!(soon(&mut supervisor.session).await.unwrap(), Err(SessionError::Door(_))));

    let mut supervisor = Supervisor::start();
    supervisor.hear().await;
    tokio::io::AsyncWriteExt::write_all(&mut supervisor.control, &[0xff; 64]).await.unwrap();
    assert!(matches!(soon(&mut supervisor.session).await.unwrap(), Err(SessionError::Control(_))));
}
