//! The S3 store against a real Ceph RGW, and behind a proxy that changes a byte of what is sent.
//! The smoke and the contract run always; flips in every place with `SCELLE_LONG=1`.
#![allow(clippy::unwrap_used, reason = "a broken expectation is a failed test")]

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use scelle_store::probe::{Fact, probe};
use scelle_store::read_back::ReadBack;
use scelle_store::retry::{RetrySettings, Retrying};
use scelle_store::s3::{BucketSettings, S3Store};
use scelle_store::testing::ceph::CephRgw;
use scelle_store::testing::contract::{Capabilities, check, sha256};
use scelle_store::testing::flip::{Flip, FlippingProxy};
use scelle_store::throttle::ByteRate;
use scelle_store::{ErrorKind, Key, Put, Store};

fn through(proxy: &FlippingProxy, settings: BucketSettings, rate: Option<u64>) -> S3Store {
    let upload_rate = rate.map(|rate| Arc::new(ByteRate::new(rate)));
    S3Store::new(BucketSettings { endpoint: Some(proxy.endpoint().to_owned()), upload_rate, ..settings })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rgw_refuses_what_changed_on_its_way_with_and_without_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = CephRgw::start(folder.path()).await;
    let direct = S3Store::create_bucket_with_lock(engine.settings("locked"), 30).await.unwrap();
    let report = probe(&direct, "n1", SystemTime::now()).await.unwrap();
    assert_eq!(report.wrong_checksum_refused, Fact::Yes, "the hash in the signature: {report:?}");
    assert_eq!(report.locked_delete_refused, Fact::Yes, "{report:?}");

    let proxy = FlippingProxy::start(engine.endpoint(), Flip::Always).await;
    let body = Bytes::from((0..200_000u32).map(|n| (n * 7) as u8).collect::<Vec<_>>());
    for (name, rate) in [("p/free", None), ("p/paced", Some(20_000_000))] {
        let (key, store) = (Key::new(name).unwrap(), through(&proxy, engine.settings("locked"), rate));
        let error = store.put_new(&key, body.clone(), sha256(&body)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{name}: {error}");
        assert_eq!(direct.head(&key).await.unwrap(), None, "{name}: nothing was stored");
        proxy.switch(false);
        assert_eq!(store.put_new(&key, body.clone(), sha256(&body)).await.unwrap(), Put::Created);
        proxy.switch(true);
        assert!(direct.get(&key, 1 << 20).await.unwrap() == body, "{name}");
    }

    // Behind a delete marker: found by listing versions, readable by version.
    let hidden = Key::new("p/free").unwrap();
    direct.delete(&hidden).await.unwrap();
    let page = direct.locks().unwrap().hidden("p/", None).await.unwrap();
    let names: Vec<&str> = page.entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!((names, page.next), (vec!["p/free"], None));
}

/// The whole contract, and places of a flip in each run: 3 for every change, 30 in the long campaign.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rgw_keeps_the_contract_and_no_flipped_put_is_called_whole() {
    let is_long = std::env::var("SCELLE_LONG").is_ok_and(|value| value == "1");
    let folder = tempfile::tempdir().unwrap();
    let engine = CephRgw::start(folder.path()).await;
    let plain = S3Store::create_plain_bucket(engine.settings("plain")).await.unwrap();
    let limited = Capabilities { conditional_put: false, ..Capabilities::ALL };
    check(Arc::new(plain), limited).await;
    let unconditional = BucketSettings { conditional_put: false, ..engine.settings("locked") };
    S3Store::create_bucket_with_lock(engine.settings("locked"), 1).await.unwrap();
    check(Arc::new(S3Store::new(unconditional.clone()).unwrap()), limited).await;

    for rate in [None, Some(50_000_000)] {
        for nth in 0..if is_long { 30 } else { 3 } {
            let proxy = FlippingProxy::start(engine.endpoint(), Flip::Nth(nth)).await;
            let bare: Arc<dyn Store> = Arc::new(through(&proxy, unconditional.clone(), rate));
            let proven = Arc::new(ReadBack::new(bare));
            let store = Retrying::new(proven, RetrySettings::default());
            for object in 0..30u32 {
                let body = Bytes::from(vec![object as u8; 1000 + object as usize]);
                let key = Key::new(format!("flip/{}/{nth}/{object}", rate.is_some())).unwrap();
                assert_eq!(store.put_new(&key, body.clone(), sha256(&body)).await.unwrap(), Put::Created);
                assert!(store.get(&key, 10_000).await.unwrap() == body, "{key}");
            }
            assert_eq!(proxy.flipped(), 1, "{nth}");
        }
    }
}
