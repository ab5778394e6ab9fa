//! JSON web tokens signed with an RSA key, and the forms in which such keys lie in files.
//!
//! Keys come as PEM: PKCS #8, plain or encrypted with a passphrase (PBES2), or PKCS #1. Only RS256 is made, as dlt does
//! (spec/rest-api.md §12).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pkcs8::EncryptedPrivateKeyInfoRef;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tipple_config::Secret;

use crate::model::JwtBearer;

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// Mark of keys that OpenSSL encrypts in its own way, around a PKCS #1 key.
const TRADITIONAL_MARK: &str = "Proc-Type: 4,ENCRYPTED";

/// A private key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// No PEM.
    #[error("it is no private key in PEM")]
    NotPem,
    /// Encrypted by OpenSSL's own rule.
    #[error("it is encrypted in OpenSSL's traditional form, which is not read here")]
    Traditional,
    /// Encrypted, and there is no passphrase.
    #[error("it is encrypted, and `private_key_passphrase` is not set")]
    NoPassphrase,
    /// The passphrase or the file is wrong, or the cipher is one that nobody should use.
    #[error("`private_key_passphrase` does not open it")]
    WrongPassphrase,
    /// Another kind of key.
    #[error("it is no RSA key of 2,048 to 4,096 bits")]
    NotRsa,
    /// The key refuses.
    #[error("it cannot sign")]
    CannotSign,
}

impl KeyError {
    /// How to go on.
    pub(crate) fn help(self) -> &'static str {
        match self {
            KeyError::NotPem => {
                "give the whole text of the file, with its lines `-----BEGIN PRIVATE KEY-----` and `-----END PRIVATE KEY-----`"
            }
            KeyError::Traditional => {
                "convert it: openssl pkcs8 -topk8 -v2 aes256 -in key.pem -out key8.pem"
            }
            KeyError::NoPassphrase => {
                "add `private_key_passphrase` beside `private_key` in secrets.toml"
            }
            KeyError::WrongPassphrase => "check it: openssl pkey -in key.pem -noout",
            KeyError::NotRsa | KeyError::CannotSign => "make one: openssl genrsa -out key.pem 2048",
        }
    }
}

/// The key in `pem`, opened with `passphrase` if it is encrypted. Line ends may be written as `\\n`, as they are in
/// environment variables.
///
/// # Errors
/// [`KeyError`].
pub(crate) fn rsa_key(
    pem: &str,
    passphrase: Option<&Secret<String>>,
) -> Result<RsaKeyPair, KeyError> {
    let pem = pem.replace("\\n", "\n");
    if pem.contains(TRADITIONAL_MARK) {
        return Err(KeyError::Traditional);
    }
    if let Some(encrypted) = encrypted_der(&pem)? {
        let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
        let info = EncryptedPrivateKeyInfoRef::try_from(&encrypted[..]);
        let opened = info.and_then(|info| info.decrypt(passphrase.expose()));
        let opened = opened.map_err(|_| KeyError::WrongPassphrase)?;
        return RsaKeyPair::from_pkcs8(opened.as_bytes()).map_err(|_| KeyError::NotRsa);
    }
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(KeyError::NotRsa),
    };
    key.map_err(|_| KeyError::NotRsa)
}

/// The bytes of an encrypted PKCS #8 key; nothing when the text holds none.
fn encrypted_der(pem: &str) -> Result<Option<Vec<u8>>, KeyError> {
    let Some((_, rest)) = pem.split_once(ENCRYPTED_BEGIN) else {
        return Ok(None);
    };
    let (body, _) = rest.split_once(ENCRYPTED_END).ok_or(KeyError::NotPem)?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| KeyError::NotPem)?;
    Ok(Some(der))
}

/// A token with these claims, signed by the key of the settings.
///
/// # Errors
/// [`KeyError`].
pub(super) fn signed_jwt(claims: &Value, settings: &JwtBearer) -> Result<String, KeyError> {
    let key = rsa_key(
        settings.private_key.expose(),
        settings.private_key_passphrase.as_ref(),
    )?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!(
        "{}.{}",
        part(&json!({"alg": "RS256", "typ": "JWT"})),
        part(claims)
    );
    let mut signature = vec![0; key.public().modulus_len()];
    let random = ring::rand::SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .map_err(|_| KeyError::CannotSign)?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of the folder `fixtures/keys`; its README says how they were made.
    fn key(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keys");
        std::fs::read_to_string(format!("{folder}/{name}.pem")).unwrap()
    }

    fn open(pem: &str, passphrase: Option<&str>) -> Result<Vec<u8>, KeyError> {
        let passphrase = passphrase.map(|text| Secret::new(text.to_owned()));
        let key = rsa_key(pem, passphrase.as_ref())?;
        Ok(key.public().as_ref().to_vec())
    }

    #[test]
    fn an_encrypted_key_is_the_plain_one_once_it_is_open() {
        let plain = open(&key("jwt_test_key"), None).unwrap();
        for cipher in ["aes256", "scrypt", "des3"] {
            let pem = key(&format!("jwt_test_key.{cipher}"));
            assert_eq!(open(&pem, Some("canary-phrase")).as_ref(), Ok(&plain));
            assert_eq!(open(&pem, None), Err(KeyError::NoPassphrase));
            assert_eq!(open(&pem, Some("other")), Err(KeyError::WrongPassphrase));
        }
        let in_one_line = key("jwt_test_key").replace('\n', "\\n");
        assert_eq!(open(&in_one_line, None).as_ref(), Ok(&plain));
    }

    #[test]
    fn what_is_no_usable_key_is_told_apart() {
        let phrase = Some("canary-phrase");
        assert_eq!(open("nothing", None), Err(KeyError::NotPem));
        let traditional = key("jwt_test_key.traditional");
        assert_eq!(open(&traditional, phrase), Err(KeyError::Traditional));
        let cut = &key("jwt_test_key.aes256")[..200];
        assert_eq!(open(cut, phrase), Err(KeyError::NotPem));
        assert_eq!(open(&key("ec"), None), Err(KeyError::NotRsa));
    }
}
