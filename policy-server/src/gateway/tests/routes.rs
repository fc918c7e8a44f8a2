//! Where the ways lead, and how they come into force.

use super::*;

#[tokio::test]
async fn egress_leads_to_hosts_of_the_policy_and_to_no_private_address() {
    let scene = Scene::new("schema = 1\n[[route]]\nsystem = \"care\"\negress = true\n").await;
    for (bytes, wanted) in [
        ("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n", 403),
        ("CONNECT care.example:22 HTTP/1.1\r\nHost: care.example:22\r\n\r\n", 403),
        ("CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: care.example\r\n\r\n", 403),
    ] {
        assert_eq!(scene.raw(bytes.as_bytes()).await, Some(wanted), "{bytes}");
    }
}

#[tokio::test]
async fn applied_routes_are_in_force_at_once_logged_and_still_there_after_a_restart() {
    let scene = Scene::new("schema = 1\n").await;
    let ask = b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n";
    assert_eq!(scene.raw(ask).await, Some(403));
    let route = BEHIND.replace("@SYSTEM@", &scene.system.to_string());
    let body = serde_json::json!({"file": "gateway.toml", "toml": route});
    let (status, applied) = scene.rig.admin("POST", "/admin/v1/gateway", body).await;
    assert_eq!((status, &applied["version"], &applied["routes"]), (200, &2.into(), &1.into()));
    assert_eq!(scene.raw(ask).await, Some(200));
    let (status, _) = scene.rig.admin("POST", "/admin/v1/gateway", serde_json::json!({"file": "f", "toml": "x"})).await;
    assert_eq!((status, scene.raw(ask).await), (422, Some(200)), "a faulty file changes nothing");
    assert_eq!(scene.rig.logged("gateway.apply", None).await, 2);

    let rig = scene.rig.restart().await;
    assert_eq!(rig.server.routes.get().len(), 1);
    let (_, shown) = rig.admin("GET", "/admin/v1/gateway", serde_json::Value::Null).await;
    assert_eq!(shown["toml"], route);
}

#[tokio::test]
async fn routes_that_somebody_else_wrote_are_none() {
    use policy_server_store::{Store, View, Work};
    let scene = Scene::behind().await;
    let sealed = scene.rig.server.store.view().await.unwrap().setting("gateway-routes").await.unwrap().unwrap();
    let other = workspace_protocol::crypto::Secret::random().unwrap();
    let foreign = workspace_protocol::crypto::seal(&other, b"gateway-routes", b"anything").unwrap();
    let mut flipped = sealed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut rig = scene.rig;
    for bad in [flipped, foreign, b"schema = 1".to_vec(), Vec::new()] {
        let mut work = rig.server.store.begin().await.unwrap();
        work.put_setting("gateway-routes", &bad).await.unwrap();
        work.commit().await.unwrap();
        rig = rig.restart().await;
        assert_eq!(rig.server.routes.get().len(), 0);
        assert_eq!(rig.admin("GET", "/admin/v1/gateway", serde_json::Value::Null).await.0, 422);
    }
    let (status, _) =
        rig.admin("POST", "/admin/v1/gateway", serde_json::json!({"file": "f", "toml": "schema = 1"})).await;
    assert_eq!(status, 200, "they can be replaced");
}

#[tokio::test]
async fn a_system_over_tls_is_believed_by_its_own_ca_alone() {
    let scene = Scene::new("schema = 1\n").await;
    let ((system, ca), (_, other)) = (tls_system().await, tls_system().await);
    let ask = b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n";
    for (ca, status) in [(&ca, 200), (&other, 502)] {
        let upstream = format!("https://localhost:{}", system.port());
        let route =
            format!("schema = 1\n[[route]]\nsystem = \"care\"\nupstream = \"{upstream}\"\nca = \"\"\"{ca}\"\"\"\n");
        flow::apply(&scene.rig.server, ADMIN, "test.toml", &route).await.unwrap();
        assert_eq!(scene.raw(ask).await, Some(status));
    }
}

/// A system that speaks TLS, and the CA that vouches for it.
async fn tls_system() -> (SocketAddr, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let (key, leaf_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ca = params.self_signed(&key).unwrap().pem();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, key)).unwrap();
    let private = rustls_pki_types::PrivatePkcs8KeyDer::from(leaf_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::from("page"))) });
                let _ = conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, ca)
}

#[tokio::test]
async fn connect_leads_to_a_host_of_the_policy_and_is_cut_with_the_device() {
    let scene = Scene::new("schema = 1\n[[route]]\nsystem = \"care\"\negress = true\nprivate = true\n").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let permissions = "permissions = [\"network-gateway\"]";
    let boundary =
        BOUNDARY.replace("permissions = []", permissions).replace("\"records.example\"", &format!("\"{host}\""));
    scene.rig.sign_boundary(3, &boundary).await.unwrap();
    let policy = policy_toml(&host).replace("network = \"public\"", "network = \"egress\"");
    policy::apply(&scene.rig.server, ADMIN, &"home-care".parse().unwrap(), "test.toml", &policy).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });

    let mut line = scene.open().await;
    let ask = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(raw::exchange(&mut line, ask.as_bytes()).await, Some(200));
    line.write_all(b"hello").await.unwrap();
    let mut echo = [0; 5];
    line.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
    order::wipe(&scene.rig.server, ADMIN, &scene.device.id.to_string()).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, line.read(&mut echo)).await.expect("an end");
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
}
