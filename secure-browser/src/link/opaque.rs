//! OPAQUE, client side (RFC 9807): the PIN never leaves the device, and what it opens needs the server.

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
};
use rand::rngs::OsRng;
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::{KeyId, Secret, hkdf_into},
    ids::DeviceId,
    opaque::{MESSAGE_MAX, Suite},
};
use zeroize::Zeroizing;

use super::LinkError;

/// Purpose of the KEK in its derivation.
const KEK: &str = "secure-workspace/v1/kek";

/// The KEK: needs the PIN and the server (OPAQUE's export key) and this machine (the device secret).
fn kek(export_key: &[u8], device_secret: &Secret) -> Secret {
    let mut out = Zeroizing::new([0u8; 32]);
    hkdf_into(device_secret.expose(), export_key, KEK, &mut out);
    Secret::from_bytes(*out)
}

fn identifiers<'a>(device: &'a DeviceId, root: &'a KeyId) -> Identifiers<'a> {
    Identifiers { client: Some(device.as_bytes()), server: Some(&root.0) }
}

/// A registration that waits for the server.
pub(super) struct Registration {
    state: ClientRegistration<Suite>,
}

/// Starts a registration; the bytes go to the server.
pub(super) fn register(pin: &str) -> Result<(Registration, ByteBuf), LinkError> {
    let start = ClientRegistration::<Suite>::start(&mut OsRng, pin.as_bytes()).map_err(|_| LinkError::Malformed)?;
    Ok((Registration { state: start.state }, ByteBuf::from(start.message.serialize().to_vec())))
}

impl Registration {
    /// Finishes it: the upload for the server, and the KEK.
    pub(super) fn finish(
        self,
        pin: &str,
        response: &[u8],
        device: DeviceId,
        root: &KeyId,
        device_secret: &Secret,
    ) -> Result<(ByteBuf, Secret), LinkError> {
        let response = RegistrationResponse::deserialize(capped(response)?).map_err(|_| LinkError::Malformed)?;
        let parameters = ClientRegistrationFinishParameters::new(identifiers(&device, root), None);
        let finish =
            self.state.finish(&mut OsRng, pin.as_bytes(), response, parameters).map_err(|_| LinkError::Malformed)?;
        let kek = kek(&Zeroizing::new(finish.export_key), device_secret);
        Ok((ByteBuf::from(finish.message.serialize().to_vec()), kek))
    }
}

/// A login that waits for the server.
pub(super) struct Login {
    state: ClientLogin<Suite>,
}

/// Starts a login; the bytes go to the server.
pub(super) fn login(pin: &str) -> Result<(Login, ByteBuf), LinkError> {
    let start = ClientLogin::<Suite>::start(&mut OsRng, pin.as_bytes()).map_err(|_| LinkError::Malformed)?;
    Ok((Login { state: start.state }, ByteBuf::from(start.message.serialize().to_vec())))
}

impl Login {
    /// Finishes it: the finalization for the server, and the KEK.
    ///
    /// # Errors
    /// [`LinkError::WrongPin`] if the server's answer does not open with this PIN.
    pub(super) fn finish(
        self,
        pin: &str,
        response: &[u8],
        device: DeviceId,
        root: &KeyId,
        device_secret: &Secret,
        tries_left: u32,
    ) -> Result<(ByteBuf, Secret), LinkError> {
        let response = CredentialResponse::deserialize(capped(response)?).map_err(|_| LinkError::Malformed)?;
        let parameters = ClientLoginFinishParameters::new(None, identifiers(&device, root), None);
        let finish = self
            .state
            .finish(&mut OsRng, pin.as_bytes(), response, parameters)
            .map_err(|_| LinkError::WrongPin { tries_left: Some(tries_left) })?;
        let kek = kek(&Zeroizing::new(finish.export_key), device_secret);
        Ok((ByteBuf::from(finish.message.serialize().to_vec()), kek))
    }
}

fn capped(message: &[u8]) -> Result<&[u8], LinkError> {
    if message.len() <= MESSAGE_MAX { Ok(message) } else { Err(LinkError::Malformed) }
}

#[cfg(test)]
mod tests {
    use opaque_ke::{
        CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
        ServerLoginParameters, ServerRegistration, ServerSetup,
    };

    use super::*;

    struct Server {
        setup: ServerSetup<Suite>,
        device: DeviceId,
        root: KeyId,
    }

    impl Server {
        fn new() -> Self {
            Self { setup: ServerSetup::new(&mut OsRng), device: DeviceId::random(), root: KeyId([7; 32]) }
        }

        fn register(&self, pin: &str, secret: &Secret) -> (ServerRegistration<Suite>, Secret) {
            let (state, request) = register(pin).unwrap();
            let request = RegistrationRequest::deserialize(&request).unwrap();
            let answer = ServerRegistration::start(&self.setup, request, self.device.as_bytes()).unwrap();
            let answer = answer.message.serialize();
            let (upload, kek) = state.finish(pin, &answer, self.device, &self.root, secret).unwrap();
            (ServerRegistration::finish(RegistrationUpload::deserialize(&upload).unwrap()), kek)
        }

        fn login(
            &self,
            record: &ServerRegistration<Suite>,
            pin: &str,
            device: DeviceId,
            secret: &Secret,
        ) -> Result<Secret, LinkError> {
            let parameters =
                || ServerLoginParameters { context: None, identifiers: identifiers(&self.device, &self.root) };
            let (state, request) = login(pin)?;
            let request = CredentialRequest::deserialize(&request).unwrap();
            let id = self.device.as_bytes();
            let answer =
                ServerLogin::start(&mut OsRng, &self.setup, Some(record.clone()), request, id, parameters()).unwrap();
            let message = answer.message.serialize();
            let (last, kek) = state.finish(pin, &message, device, &self.root, secret, 9)?;
            let last = CredentialFinalization::deserialize(&last).unwrap();
            answer.state.finish(last, parameters()).unwrap();
            Ok(kek)
        }
    }

    #[test]
    fn the_right_pin_on_the_right_device_gives_the_same_kek_again() {
        let (server, secret) = (Server::new(), Secret::random().unwrap());
        let (record, kek) = server.register("correct horse", &secret);
        let again = server.login(&record, "correct horse", server.device, &secret).unwrap();
        assert_eq!(kek.expose(), again.expose());
        let copied = server.login(&record, "correct horse", server.device, &Secret::random().unwrap()).unwrap();
        assert_ne!(kek.expose(), copied.expose());
    }

    #[test]
    fn a_wrong_pin_or_another_device_id_opens_nothing() {
        let (server, secret) = (Server::new(), Secret::random().unwrap());
        let (record, _) = server.register("correct horse", &secret);
        let wrong = server.login(&record, "wrong horse", server.device, &secret);
        assert!(matches!(wrong, Err(LinkError::WrongPin { tries_left: Some(9) })));
        let other = server.login(&record, "correct horse", DeviceId::random(), &secret);
        assert!(matches!(other, Err(LinkError::WrongPin { .. })));
    }

    #[test]
    fn damaged_answers_are_refused_without_panic() {
        for bytes in [vec![], vec![0; 10], vec![0xff; 320], vec![0; MESSAGE_MAX + 1]] {
            let (state, _) = login("correct horse").unwrap();
            let secret = Secret::random().unwrap();
            assert!(state.finish("x", &bytes, DeviceId::random(), &KeyId([0; 32]), &secret, 1).is_err());
        }
    }
}
