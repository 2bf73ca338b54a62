//! Requests nobody should send, most of them rightly signed, so that they get past the door: no panic, no answer that
//! blames the vault, no memory without bound, and afterwards everything is as it was.
//!
//! Seeded: the same requests every time. `SCELLE_LONG=1` sends many more (`SCELLE_SEED` chooses others).

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key as HmacKey, sign};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use s3s::Body;
use scelle_server::vault::http::service::Service;
use scelle_server::vault::roles::Role;
use scelle_store::s3::S3Store;
use scelle_store::testing::contract::sha256;
use scelle_store::{Key, Store as _};

use crate::program::rounds;
use crate::served::Served;

const METHODS: &[&str] =
    &["GET", "PUT", "POST", "DELETE", "HEAD", "PUT", "GET", "POST", "PATCH", "OPTIONS", "BREW"];
const PATHS: &[&str] = &[
    "/",
    "/bucket",
    "/bucket/",
    "/bucket/a",
    "/bucket/kept",
    "//",
    "/bucket//",
    "/bucket/../../etc/passwd",
    "/../bucket/a",
    "/bucket/%2e%2e%2f",
    "/bucket/%00",
    "/bucket/%ff%fe",
    "/bucket/a%0d%0ab",
    "/BUCKET/a",
    "/b",
    "/bucket/.until-9",
    "/.well-known/scelle-enrolment",
    "/absent/a",
    "/bucket/é",
    "/bucket/%F0%9F%A6%80",
    "/bucket/+%20+",
    "/%",
    "/bucket/%zz",
];
const QUERIES: &[&str] = &[
    "uploads",
    "uploadId=",
    "partNumber=",
    "versionId=",
    "versionId=null",
    "list-type=2",
    "max-keys=",
    "delete",
    "retention",
    "object-lock",
    "versioning",
    "versions",
    "tagging",
    "acl",
    "policy",
    "lifecycle",
    "legal-hold",
    "location",
    "prefix=",
    "delimiter=",
    "marker=",
    "key-marker=",
    "continuation-token=",
    "start-after=",
    "encoding-type=url",
    "scelle-trace",
    "after=",
    "format=csv",
    "select&select-type=2",
    "attributes",
    "torrent",
    "X-Amz-Signature=",
    "response-content-type=",
];
const HEADERS: &[&str] = &[
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "content-md5",
    "content-type",
    "content-encoding",
    "expect",
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "x-amz-checksum-crc32",
    "x-amz-checksum-sha256",
    "x-amz-checksum-algorithm",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-bypass-governance-retention",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-meta-a",
    "x-amz-metadata-directive",
    "x-amz-tagging",
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-security-token",
    "x-amz-storage-class",
    "x-amz-mp-object-size",
];
const VALUES: &[&str] = &[
    "",
    "*",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "bytes=0-",
    "bytes=5-1",
    "bytes=-0",
    "bytes=0-18446744073709551615",
    "COMPLIANCE",
    "GOVERNANCE",
    "ON",
    "2030-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-00-00",
    "Thu, 01 Jan 1970",
    "true",
    "aws-chunked",
    "STREAMING",
    "CRC32",
    "SHA256",
    "AAAAAA==",
    "not base64!",
    "/bucket/kept",
    "bucket/kept?versionId=null",
    "/",
    "/other/kept",
    "\"etag\"",
    "W/\"etag\"",
    "REPLACE",
    "x-amz-checksum-crc32",
    "%",
    "%00",
    "text/xml",
    "é",
    "multipart/form-data; boundary=x",
    "url",
    "/bucket/..",
    "%F0%9F%A6%80",
];
const BODIES: &[&str] = &[
    "",
    "x",
    "<Delete><Object><Key>kept</Key></Object><Quiet>true</Quiet></Delete>",
    "<Delete><Object><Key>kept</Key><VersionId>null</VersionId></Object></Delete>",
    "<CompleteMultipartUpload><Part><ETag>\"a\"</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
    "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
    "<Retention><Mode>GOVERNANCE</Mode></Retention>",
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>-3</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
    "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;\">]><Delete><Object><Key>&c;</Key></Object></Delete>",
    "<CreateBucketConfiguration><LocationConstraint>x</LocationConstraint></CreateBucketConfiguration>",
    "4;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\nabcd\r\n0;chunk-signature=00\r\n\r\n",
    "ffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
    "4\r\nabcd\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
    "{\"token\":\"x\"}",
    "{\"token\":",
];
const PAYLOADS: &[&str] = &[
    "UNSIGNED-PAYLOAD",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "",
    "zz",
];

struct Hostile {
    random: StdRng,
    access_key: String,
    secret_key: String,
}

impl Hostile {
    fn one_of(&mut self, all: &[&str]) -> String {
        all.choose(&mut self.random).copied().unwrap_or_default().to_owned()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// A text that is sometimes bent: cut, doubled, with odd bytes, or far too long.
    fn bent(&mut self, text: String) -> Vec<u8> {
        let mut bytes = text.into_bytes();
        match self.random.random_range(0..12) {
            0 if !bytes.is_empty() => {
                let at = self.random.random_range(0..bytes.len());
                bytes[at] = self.random.random();
            }
            1 => bytes.truncate(bytes.len() / 2),
            2 => bytes = bytes.repeat(3),
            3 => bytes.extend(std::iter::repeat_n(b'a', 1 << self.random.random_range(0..14))),
            _ => {}
        }
        bytes
    }

    fn request(&mut self) -> http::Request<Body> {
        let method = self.one_of(METHODS);
        let path = self.one_of(PATHS);
        let mut query: Vec<String> = Vec::new();
        while self.chance(55) {
            let mut part = self.one_of(QUERIES);
            if part.ends_with('=') {
                part += &escaped(self.one_of(VALUES).as_bytes());
            }
            query.push(part);
        }
        let text = self.one_of(BODIES);
        let mut body = self.bent(text);
        if self.chance(2) {
            body = b"<Delete>".repeat(40_000);
        }
        let payload = match self.chance(70) {
            true => hex::encode(digest(&SHA256, &body)),
            false => self.one_of(PAYLOADS),
        };
        let mut headers = BTreeMap::from([
            ("host".to_owned(), b"127.0.0.1".to_vec()),
            ("x-amz-date".to_owned(), amz_date().into_bytes()),
            ("x-amz-content-sha256".to_owned(), payload.clone().into_bytes()),
        ]);
        while self.chance(50) {
            let value = self.one_of(VALUES);
            let value = self.bent(value);
            headers.insert(self.one_of(HEADERS), value);
        }
        if self.chance(90) {
            headers.insert("content-length".to_owned(), body.len().to_string().into_bytes());
        }
        let authorization = self.signature(&method, &path, &query, &headers, &payload);
        let authorization =
            if self.chance(8) { self.bent(authorization) } else { authorization.into_bytes() };
        if self.chance(98) {
            headers.insert("authorization".to_owned(), authorization);
        }
        let uri = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let mut request = http::Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in headers {
            // What HTTP itself does not carry never reaches the vault.
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        request.body(Body::from(body)).unwrap_or_else(|_| http::Request::new(Body::empty()))
    }

    /// Signature of version 4, as a client makes it.
    fn signature(
        &self,
        method: &str,
        path: &str,
        query: &[String],
        headers: &BTreeMap<String, Vec<u8>>,
        payload: &str,
    ) -> String {
        let signed: Vec<&String> =
            headers.keys().filter(|name| *name == "host" || name.starts_with("x-amz-")).collect();
        let names = signed.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(";");
        let mut pairs: Vec<String> = query
            .iter()
            .flat_map(|part| part.split('&'))
            .map(|part| if part.contains('=') { part.to_owned() } else { format!("{part}=") })
            .collect();
        pairs.sort();
        let mut text = format!("{method}\n{path}\n{}\n", pairs.join("&")).into_bytes();
        for name in &signed {
            text.extend_from_slice(format!("{name}:").as_bytes());
            text.extend_from_slice(headers[*name].trim_ascii());
            text.push(b'\n');
        }
        text.extend_from_slice(format!("\n{names}\n{payload}").as_bytes());
        let date = amz_date();
        let scope = format!("{}/us-east-1/s3/aws4_request", &date[..8]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(digest(&SHA256, &text)));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in scope.split('/') {
            key = sign(&HmacKey::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let signature = hex::encode(sign(&HmacKey::new(HMAC_SHA256, &key), to_sign.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key
        )
    }
}

fn amz_date() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// The most memory this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hostile_requests_break_nothing() {
    let seed = std::env::var("SCELLE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path()).await;
    let (access_key, secret_key) = served.credential("t", Role::Admin, None, "");
    let settings = served.with(&access_key, &secret_key, "bucket");
    let store = S3Store::create_bucket_with_lock(settings, 1).await.unwrap();
    let kept = Key::new("kept").unwrap();
    store.put_new(&kept, bytes::Bytes::from_static(b"kept"), sha256(b"kept")).await.unwrap();
    let service = Service::new(served.vault.clone());
    let before_kib = peak_kib();
    let mut seen: BTreeMap<u16, u32> = BTreeMap::new();
    let mut hostile = Hostile { random: StdRng::seed_from_u64(seed), access_key, secret_key };
    for number in 0..rounds(4000, 1_000_000) {
        let request = hostile.request();
        let told = format!("{number}: {} {} {:?}", request.method(), request.uri(), request.headers());
        // An address of its own now and then, so that a lockout does not keep the rest out.
        let from = IpAddr::from([127, 0, (number >> 8) as u8, number as u8]);
        let (asked, answer) = (service.clone(), std::time::Duration::from_secs(120));
        let answer =
            tokio::time::timeout(answer, tokio::spawn(async move { asked.answer(request, from).await }));
        let mut answer =
            answer.await.unwrap_or_else(|_| panic!("no answer: {told}")).unwrap_or_else(|_| panic!("{told}"));
        let status = answer.status().as_u16();
        assert_ne!(status, 500, "{told}");
        let _ = answer.body_mut().store_all_limited(1 << 20).await;
        *seen.entry(status).or_default() += 1;
    }
    let grown_mib = (peak_kib() - before_kib) >> 10;
    println!("answers: {seen:?}; {grown_mib} MiB more at the most");
    let past_the_door: u32 = seen.iter().filter(|(status, _)| **status != 403).map(|(_, count)| count).sum();
    assert!(past_the_door * 2 > seen.values().sum(), "the door kept almost everything out: {seen:?}");
    assert!(seen.get(&200).is_some_and(|count| *count > 50), "{seen:?}");
    assert!(grown_mib < 200, "{grown_mib} MiB");
    // A marker may hide it; the version stands.
    let versions = scelle_store::LockOps::versions(&store, &kept, 1000).await.unwrap();
    let first = versions.iter().rfind(|version| !version.delete_marker).unwrap();
    assert_eq!(scelle_store::LockOps::get_version(&store, &kept, &first.id, 10).await.unwrap(), "kept");
    served.stop().await;
    let report = scelle_server::vault::fsck::check(
        data.path(),
        scelle_server::vault::fsck::Task { read_data: true, repair: false, beside: false },
    );
    assert!(report.as_ref().is_ok_and(|report| report.is_clean()), "{report:?}");
}
