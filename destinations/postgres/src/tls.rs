//! TLS towards the server: rustls on ring, with libpq's meaning of `sslmode`.
//!
//! `prefer` and `require` encrypt without asking who the server is; only a root certificate or `verify-…` makes them
//! ask. The two verifiers here are what rustls does not offer: none, and one that leaves the host name alone.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tipple_destination::{DestinationError, Result};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::settings::{PostgresSettings, SslMode};

/// What a certificate of the server is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Nothing.
    Nothing,
    /// A known authority.
    Authority,
    /// A known authority and the host.
    AuthorityAndHost,
}

fn demand(settings: &PostgresSettings) -> Demand {
    match settings.ssl_mode {
        SslMode::VerifyFull => Demand::AuthorityAndHost,
        SslMode::VerifyCa => Demand::Authority,
        // As libpq: with a root certificate, `require` looks at the authority.
        SslMode::Require if settings.ssl_root_cert.is_some() => Demand::Authority,
        _ => Demand::Nothing,
    }
}

/// What makes TLS connections for these settings. Reads the files of certificates.
///
/// # Errors
/// [`DestinationError::Settings`] for a file that cannot be read or holds no certificate or key.
pub(crate) fn connector(settings: &PostgresSettings) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(settings, "sslmode", error.to_string()))?;
    let builder = match demand(settings) {
        Demand::AuthorityAndHost => builder.with_root_certificates(roots(settings)?),
        demand => {
            let verifier = verifier(settings, demand, provider)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        }
    };
    let config = match (&settings.ssl_cert, &settings.ssl_key) {
        (Some(cert), Some(key)) => {
            let (chain, key) = (
                certificates(settings, "sslcert", cert)?,
                key_of(settings, key)?,
            );
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unusable(settings, "sslcert", error.to_string()))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    settings: &PostgresSettings,
    demand: Demand,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let authority = match demand {
        Demand::Nothing => None,
        _ => {
            let roots = Arc::new(roots(settings)?);
            let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            let built = builder.build();
            Some(built.map_err(|error| unusable(settings, "sslrootcert", error.to_string()))?)
        }
    };
    Ok(Arc::new(Lenient {
        authority,
        provider,
    }))
}

fn roots(settings: &PostgresSettings) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let Some(path) = &settings.ssl_root_cert else {
        let native = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(native.certs);
        return Ok(store);
    };
    for certificate in certificates(settings, "sslrootcert", path)? {
        store
            .add(certificate)
            .map_err(|error| unusable(settings, "sslrootcert", error.to_string()))?;
    }
    Ok(store)
}

fn certificates(
    settings: &PostgresSettings,
    field: &str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |why: String| unusable(settings, field, format!("{}: {why}", path.display()));
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let found: std::result::Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| failed(error.to_string()))?;
    match found.is_empty() {
        true => Err(failed(
            "the file holds no certificate in PEM form".to_owned(),
        )),
        false => Ok(found),
    }
}

fn key_of(settings: &PostgresSettings, path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        let why = format!(
            "{}: {error}; an unencrypted PEM key is expected",
            path.display()
        );
        unusable(settings, "sslkey", why)
    })
}

fn unusable(settings: &PostgresSettings, field: &str, why: String) -> DestinationError {
    DestinationError::Settings {
        destination: settings.name.clone(),
        field: format!("credentials.{field}"),
        why,
    }
}

/// Takes any certificate (encryption without identity), or with an authority any host name.
#[derive(Debug)]
struct Lenient {
    authority: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        let Some(authority) = &self.authority else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        // The name is looked at last, when the chain has been found good.
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
