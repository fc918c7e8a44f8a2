//! The device as the access gateway and signed requests know it: its certificate, and signatures that the supervisor
//! makes. The device key never comes here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
        mpsc::sync_channel,
    },
    time::Duration,
};

use rustls::{
    Error, SignatureAlgorithm, SignatureScheme,
    client::ResolvesClientCert,
    pki_types::CertificateDer,
    sign::{CertifiedKey, Signer, SigningKey},
};
use serde_bytes::ByteBuf;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::ipc::{ClientIdentity, FromBroker};

/// Longest wait for the supervisor's signature; it makes one in a millisecond, a hardware key in some hundred.
const PATIENCE: Duration = Duration::from_secs(5);

/// The device's certificate, as it is now.
#[derive(Debug)]
pub struct Identity {
    signatory: Arc<Signatory>,
    held: RwLock<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    key: Option<Arc<CertifiedKey>>,
    serial: u64,
}

impl Identity {
    /// None yet; signatures are asked for over `to`.
    #[must_use]
    pub fn new(to: mpsc::Sender<FromBroker>) -> Arc<Self> {
        let signatory = Signatory { to, waiting: Mutex::default(), next: AtomicU64::new(0) };
        Arc::new(Self { signatory: Arc::new(signatory), held: RwLock::default() })
    }

    /// Takes a new certificate; connections from now on show it.
    pub fn replace(&self, fresh: &ClientIdentity) {
        let chain: Vec<_> = fresh.chain.iter().map(|one| CertificateDer::from(one.to_vec())).collect();
        let key =
            (!chain.is_empty()).then(|| Arc::new(CertifiedKey::new(chain, Arc::new(Key(self.signatory.clone())))));
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = Held { key, serial: held.serial + 1 };
    }

    /// Number of the certificate held; `None` without one.
    #[must_use]
    pub fn serial(&self) -> Option<u64> {
        let held = self.held();
        held.key.map(|_| held.serial)
    }

    /// The certificate held, leaf only.
    #[must_use]
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        self.held().key?.cert.first().cloned()
    }

    /// The supervisor's answer to a request for a signature.
    pub fn signed(&self, number: u64, signature: Option<ByteBuf>) {
        let waiting = self.signatory.waiting().remove(&number);
        if let Some(tell) = waiting {
            tell(signature.map(ByteBuf::into_vec));
        }
    }

    /// A signature by the device key: ECDSA P-256 SHA-256, ASN.1 DER.
    pub async fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (tell, told) = oneshot::channel();
        // Nobody waits any more: then nobody needs it.
        let number = self.signatory.ask(message, Box::new(|signature| drop(tell.send(signature))));
        let signature = timeout(PATIENCE, told).await.ok().and_then(Result::ok).flatten();
        self.signatory.forget(number);
        signature
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.held().key.filter(|_| schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256))
    }

    fn has_certs(&self) -> bool {
        self.serial().is_some()
    }
}

type Tell = Box<dyn FnOnce(Option<Vec<u8>>) + Send>;

/// Asks the supervisor.
struct Signatory {
    to: mpsc::Sender<FromBroker>,
    waiting: Mutex<HashMap<u64, Tell>>,
    next: AtomicU64,
}

impl std::fmt::Debug for Signatory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signatory(..)")
    }
}

impl Signatory {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Tell>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, message: &[u8], tell: Tell) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(number, tell);
        if self.to.try_send(FromBroker::Sign { number, message: ByteBuf::from(message) }).is_err() {
            // Dropped, which tells whoever waits.
            self.forget(number);
        }
        number
    }

    fn forget(&self, number: u64) {
        self.waiting().remove(&number);
    }

    /// rustls signs in a plain call: this thread waits, and the runtime goes on with another.
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (tell, told) = sync_channel(1);
        let number = self.ask(message, Box::new(move |signature| drop(tell.send(signature))));
        let signature = tokio::task::block_in_place(|| told.recv_timeout(PATIENCE).ok());
        self.forget(number);
        signature.flatten()
    }
}

#[derive(Debug)]
struct Key(Arc<Signatory>);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
        offered.contains(&scheme).then(|| Box::new(Self(self.0.clone())) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.sign(message).ok_or_else(|| Error::General("the supervisor did not sign".to_owned()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
