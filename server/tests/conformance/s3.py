"""S3 conformance as a stock client sees it (boto3): what must work, and what must be refused.

    python s3.py ENDPOINT ACCESS_KEY SECRET_KEY

Prints one line a check, `ok NAME` or `WRONG NAME: why`, and exits 1 when one is wrong. Any S3 engine can be asked;
the same script runs against SeaweedFS, so that a verdict is the protocol's and not ours.
"""

import base64
import concurrent.futures
import datetime
import hashlib
import http.client
import sys
import uuid
import zlib

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ENDPOINT, ACCESS, SECRET = sys.argv[1:4]
RUN = uuid.uuid4().hex[:10]
LOCKED, PLAIN = f"locked-{RUN}", f"plain-{RUN}"
BODY = bytes(range(256)) * 300


def client(access=ACCESS, secret=SECRET, **config):
    config = Config(signature_version="s3v4", retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **config)
    return boto3.client("s3", endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id=access,
                        aws_secret_access_key=secret, config=config)


s3 = client()
checks = []


def check(function):
    checks.append(function)
    return function


def refused(call, *codes, **arguments):
    """The call must fail, with one of these codes or statuses."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert code in codes or status in codes, f"{code} ({status}), expected {codes}"
        return error
    raise AssertionError(f"accepted: {answer['ResponseMetadata']['HTTPStatusCode']}")


def later(**ahead):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**ahead)).replace(microsecond=0)


def put(key, bucket=None, body=BODY, **more):
    return s3.put_object(Bucket=bucket or LOCKED, Key=key, Body=body, **more)


def read(key, bucket=None, **more):
    return s3.get_object(Bucket=bucket or LOCKED, Key=key, **more)["Body"].read()


def raw(method, path, body=b"", headers=None, after=None):
    """A hand-made request; `after` changes it once it is signed."""
    headers = {"x-amz-content-sha256": hashlib.sha256(body).hexdigest()} | dict(headers or {})
    request = AWSRequest(method=method, url=ENDPOINT + path, data=body, headers=headers)
    SigV4Auth(Credentials(ACCESS, SECRET), "s3", "us-east-1").add_auth(request)
    sent = dict(request.headers)
    if after:
        body = after(sent, body) or body
    host = ENDPOINT.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request(method, path, body=body, headers=sent)
    answer = connection.getresponse()
    return answer.status, answer.read()


# Buckets

@check
def bucket_with_lock_is_made_and_keeps_versions():
    s3.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=LOCKED)["Status"] == "Enabled"


@check
def default_retention_is_set_and_told():
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}
    s3.put_object_lock_configuration(
        Bucket=LOCKED, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    told = s3.get_object_lock_configuration(Bucket=LOCKED)["ObjectLockConfiguration"]
    assert told["Rule"] == rule and told["ObjectLockEnabled"] == "Enabled", told


@check
def plain_bucket_is_made_and_listed():
    s3.create_bucket(Bucket=PLAIN)
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert PLAIN in names and LOCKED in names
    s3.head_bucket(Bucket=PLAIN)


@check
def plain_bucket_has_no_lock_configuration():
    refused(s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError", Bucket=PLAIN)


@check
def absent_bucket_is_not_found():
    refused(s3.head_bucket, 404, Bucket=f"absent-{RUN}")
    refused(s3.list_objects_v2, "NoSuchBucket", Bucket=f"absent-{RUN}")
    refused(s3.put_object, "NoSuchBucket", Bucket=f"absent-{RUN}", Key="x", Body=b"")


@check
def full_bucket_is_not_deleted():
    put("keeps-bucket", PLAIN)
    refused(s3.delete_bucket, "BucketNotEmpty", Bucket=PLAIN)
    s3.delete_object(Bucket=PLAIN, Key="keeps-bucket")


@check
def versions_of_a_lock_bucket_are_not_suspended():
    refused(s3.put_bucket_versioning, "InvalidBucketState", 409, Bucket=LOCKED,
            VersioningConfiguration={"Status": "Suspended"})


# Reading and writing

@check
def put_and_get_give_the_same_bytes():
    etag = put("round", body=BODY)["ETag"]
    assert etag.strip('"') == hashlib.md5(BODY).hexdigest()
    assert read("round") == BODY


@check
def empty_object():
    put("empty", body=b"")
    assert read("empty") == b"" and s3.head_object(Bucket=LOCKED, Key="empty")["ContentLength"] == 0


@check
def ranges():
    put("ranged")
    for asked, expected in [("bytes=0-0", BODY[:1]), ("bytes=5-9", BODY[5:10]), ("bytes=76790-", BODY[76790:]),
                            ("bytes=-7", BODY[-7:]), ("bytes=10-999999999", BODY[10:])]:
        answer = s3.get_object(Bucket=LOCKED, Key="ranged", Range=asked)
        assert answer["Body"].read() == expected, asked
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@check
def range_past_the_end_is_refused():
    refused(s3.get_object, "InvalidRange", 416, Bucket=LOCKED, Key="ranged", Range="bytes=99999999-")


@check
def absent_object_is_not_found():
    refused(s3.get_object, "NoSuchKey", Bucket=LOCKED, Key="never")
    refused(s3.head_object, 404, Bucket=LOCKED, Key="never")


@check
def metadata_and_headers_come_back():
    put("about", Metadata={"one": "un", "two": "deux"}, ContentType="text/x-test", CacheControl="no-store",
        ContentDisposition="inline")
    told = s3.head_object(Bucket=LOCKED, Key="about")
    assert told["Metadata"] == {"one": "un", "two": "deux"} and told["ContentType"] == "text/x-test"
    assert told["CacheControl"] == "no-store" and told["ContentDisposition"] == "inline", told


@check
def conditions_of_a_read():
    etag = put("conditional")["ETag"]
    assert read("conditional", IfMatch=etag) == BODY
    refused(s3.get_object, 412, Bucket=LOCKED, Key="conditional", IfMatch='"no"')
    refused(s3.get_object, 304, Bucket=LOCKED, Key="conditional", IfNoneMatch=etag)


@check
def overwriting_without_versions_replaces():
    put("over", PLAIN, b"one")
    put("over", PLAIN, b"two")
    assert read("over", PLAIN) == b"two"


# Conditional writes

@check
def put_if_absent_wins_once():
    put("once", IfNoneMatch="*")
    refused(s3.put_object, "PreconditionFailed", 412, Bucket=LOCKED, Key="once", Body=b"x", IfNoneMatch="*")
    assert read("once") == BODY


@check
def put_if_absent_raced_has_one_winner():
    for bucket in [LOCKED, PLAIN]:
        for round_ in range(3):
            def one(number):
                try:
                    s3.put_object(Bucket=bucket, Key=f"race{round_}", Body=b"%d" % number, IfNoneMatch="*")
                    return number
                except ClientError as error:
                    assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412), error
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                winners = [number for number in pool.map(one, range(8)) if number is not None]
            assert len(winners) == 1, winners
            assert read(f"race{round_}", bucket) == b"%d" % winners[0]


@check
def put_if_match():
    etag = put("cas", PLAIN, b"one")["ETag"]
    put("cas", PLAIN, b"two", IfMatch=etag)
    refused(s3.put_object, 412, Bucket=PLAIN, Key="cas", Body=b"three", IfMatch=etag)
    assert read("cas", PLAIN) == b"two"


@check
def put_if_absent_after_a_marker():
    put("marked", body=b"one")
    s3.delete_object(Bucket=LOCKED, Key="marked")
    put("marked", body=b"two", IfNoneMatch="*")
    assert read("marked") == b"two"


# Checksums

def sums():
    return {"CRC32": base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
            "SHA256": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
            "SHA1": base64.b64encode(hashlib.sha1(BODY).digest()).decode()}


for algorithm, value in sums().items():
    def checksum_kept(algorithm=algorithm, value=value):
        put(f"sum-{algorithm}", **{f"Checksum{algorithm}": value})
        told = s3.head_object(Bucket=LOCKED, Key=f"sum-{algorithm}", ChecksumMode="ENABLED")
        assert told[f"Checksum{algorithm}"] == value, told
    checksum_kept.__name__ = f"right_{algorithm.lower()}_is_kept_and_told"
    check(checksum_kept)

for algorithm, size in {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}.items():
    def checksum_wrong(algorithm=algorithm, size=size):
        wrong = base64.b64encode(b"\1" * size).decode()
        refused(s3.put_object, 400, Bucket=LOCKED, Key=f"wrong-{algorithm}", Body=BODY,
                **{f"Checksum{algorithm}": wrong})
        refused(s3.head_object, 404, Bucket=LOCKED, Key=f"wrong-{algorithm}")
    checksum_wrong.__name__ = f"wrong_{algorithm.lower()}_stores_nothing"
    check(checksum_wrong)


@check
def wrong_md5_is_refused():
    wrong = base64.b64encode(b"\1" * 16).decode()
    refused(s3.put_object, "BadDigest", 400, Bucket=LOCKED, Key="wrong-md5", Body=BODY, ContentMD5=wrong)
    refused(s3.head_object, 404, Bucket=LOCKED, Key="wrong-md5")


@check
def payload_other_than_signed_is_refused():
    def swap(_headers, body):
        return b"X" + body[1:]
    status, _ = raw("PUT", f"/{LOCKED}/swapped", BODY, after=swap)
    assert status in (400, 403), status
    refused(s3.head_object, 404, Bucket=LOCKED, Key="swapped")


# Signatures

@check
def wrong_secret_is_refused():
    refused(client(secret="x" * 40).list_objects_v2, "SignatureDoesNotMatch", 403, Bucket=LOCKED)


@check
def unknown_key_is_refused():
    refused(client(access="UNKNOWNKEY").list_objects_v2, "InvalidAccessKeyId", 403, Bucket=LOCKED)


@check
def no_signature_is_refused():
    connection = http.client.HTTPConnection(ENDPOINT.split("//")[1], timeout=30)
    connection.request("GET", f"/{LOCKED}/round")
    assert connection.getresponse().status == 403


@check
def changed_query_is_refused():
    def other_path(headers, _body):
        headers["x-amz-date"] = "20200101T000000Z"
    status, _ = raw("GET", f"/{LOCKED}/round", after=other_path)
    assert status in (400, 403), status


# Listing

@check
def listing_is_in_byte_order_and_pages():
    names = sorted(f"list/{name}" for name in ["0", "00", "9", "B", "a", "b", "zz", "é"])
    for name in names:
        put(name, PLAIN, b"x")
    seen, token = [], None
    while True:
        more = {"ContinuationToken": token} if token else {}
        page = s3.list_objects_v2(Bucket=PLAIN, Prefix="list/", MaxKeys=3, **more)
        assert page["KeyCount"] <= 3
        seen += [row["Key"] for row in page.get("Contents", [])]
        if not page["IsTruncated"]:
            break
        token = page["NextContinuationToken"]
    assert seen == sorted(names, key=lambda name: name.encode()), seen


@check
def listing_with_a_delimiter_folds():
    for name in ["fold/a/1", "fold/a/2", "fold/b", "fold/c/1"]:
        put(name, PLAIN, b"x")
    page = s3.list_objects_v2(Bucket=PLAIN, Prefix="fold/", Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["fold/a/", "fold/c/"]
    assert [row["Key"] for row in page["Contents"]] == ["fold/b"]


@check
def listing_starts_after():
    page = s3.list_objects_v2(Bucket=PLAIN, Prefix="fold/", StartAfter="fold/a/2")
    assert [row["Key"] for row in page["Contents"]] == ["fold/b", "fold/c/1"]


@check
def old_listing_works():
    page = s3.list_objects(Bucket=PLAIN, Prefix="fold/", MaxKeys=2)
    assert page["IsTruncated"] and len(page["Contents"]) == 2


@check
def versions_and_markers_are_listed_newest_first():
    first = put("history", body=b"1")["VersionId"]
    second = put("history", body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=LOCKED, Key="history")
    assert marker["DeleteMarker"] is True
    page = s3.list_object_versions(Bucket=LOCKED, Prefix="history")
    assert [row["VersionId"] for row in page["Versions"]] == [second, first]
    assert [row["IsLatest"] for row in page["DeleteMarkers"]] == [True]
    assert read("history", VersionId=first) == b"1"
    refused(s3.get_object, "NoSuchKey", Bucket=LOCKED, Key="history")
    s3.delete_object(Bucket=LOCKED, Key="history", VersionId=marker["VersionId"])
    assert read("history") == b"2"


# Names

@check
def names_with_odd_characters_come_back():
    for name in ["a b+c&d=e", "é/à", "quote'\"<>", "per%20cent", "plus+", "a:b;c@d", "tilde~*(x)!", "//double//"]:
        put(f"odd/{name}", PLAIN, name.encode())
        assert read(f"odd/{name}", PLAIN) == name.encode(), name


@check
def name_of_1024_bytes_works_and_1025_does_not():
    put("k" * 1024, PLAIN, b"long")
    assert read("k" * 1024, PLAIN) == b"long"
    refused(s3.put_object, "KeyTooLongError", 400, 414, Bucket=PLAIN, Key="k" * 1025, Body=b"x")


@check
def path_tricks_stay_names():
    for path in [f"/{PLAIN}/../../etc/passwd", f"/{PLAIN}/%2e%2e/%2e%2e/etc/passwd", "/../etc/passwd"]:
        status, body = raw("GET", path)
        assert status in (400, 403, 404) and b"root:" not in body, (path, status)


# Locks

@check
def default_retention_locks_a_put():
    put("locked-by-default")
    told = s3.get_object_retention(Bucket=LOCKED, Key="locked-by-default")["Retention"]
    assert told["Mode"] == "COMPLIANCE" and told["RetainUntilDate"] > later(days=1), told


@check
def locked_version_is_not_deleted():
    version = put("kept")["VersionId"]
    refused(s3.delete_object, "AccessDenied", 403, Bucket=LOCKED, Key="kept", VersionId=version)
    assert read("kept", VersionId=version) == BODY


@check
def bypass_does_not_help():
    version = put("kept-too")["VersionId"]
    refused(s3.delete_object, "AccessDenied", 403, Bucket=LOCKED, Key="kept-too", VersionId=version,
            BypassGovernanceRetention=True)


@check
def batch_with_bypass_does_not_help_either():
    version = put("kept-in-batch")["VersionId"]
    answer = s3.delete_objects(Bucket=LOCKED, BypassGovernanceRetention=True,
                               Delete={"Objects": [{"Key": "kept-in-batch", "VersionId": version}]})
    assert answer["Errors"][0]["Code"] == "AccessDenied", answer
    assert read("kept-in-batch", VersionId=version) == BODY


@check
def lock_is_extended():
    put("extended")
    until = later(days=30)
    s3.put_object_retention(Bucket=LOCKED, Key="extended", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until})
    assert s3.get_object_retention(Bucket=LOCKED, Key="extended")["Retention"]["RetainUntilDate"] == until


@check
def lock_is_never_shortened():
    refused(s3.put_object_retention, "AccessDenied", 403, Bucket=LOCKED, Key="extended",
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later(days=29)})
    refused(s3.put_object_retention, "AccessDenied", 403, Bucket=LOCKED, Key="extended", BypassGovernanceRetention=True,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later(hours=1)})
    assert s3.get_object_retention(Bucket=LOCKED, Key="extended")["Retention"]["RetainUntilDate"] > later(days=29)


@check
def lock_is_never_weakened():
    refused(s3.put_object_retention, "AccessDenied", 403, Bucket=LOCKED, Key="extended",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(days=60)})


@check
def put_with_its_own_lock():
    until = later(days=5)
    put("own-lock", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    told = s3.head_object(Bucket=LOCKED, Key="own-lock")
    assert told["ObjectLockRetainUntilDate"] == until and told["ObjectLockMode"] == "COMPLIANCE"


@check
def lock_in_the_past_is_refused():
    refused(s3.put_object, 400, Bucket=LOCKED, Key="past", Body=b"x", ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=later(days=-1))


@check
def lock_in_a_plain_bucket_is_refused():
    refused(s3.put_object, 400, 403, 409, Bucket=PLAIN, Key="locked", Body=b"x", ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=later(days=1))


# Batch, copy, parts

@check
def batch_deletes_what_is_free():
    for name in ["batch/1", "batch/2"]:
        put(name, PLAIN, b"x")
    answer = s3.delete_objects(Bucket=PLAIN, Delete={"Objects": [{"Key": "batch/1"}, {"Key": "batch/2"},
                                                                 {"Key": "batch/never"}]})
    assert len(answer["Deleted"]) == 3 and "Errors" not in answer
    assert s3.list_objects_v2(Bucket=PLAIN, Prefix="batch/")["KeyCount"] == 0


@check
def copy_gives_the_same_bytes_and_metadata():
    put("copy-from", Metadata={"kept": "oui"})
    s3.copy_object(Bucket=LOCKED, Key="copy-to", CopySource={"Bucket": LOCKED, "Key": "copy-from"})
    assert read("copy-to") == BODY
    assert s3.head_object(Bucket=LOCKED, Key="copy-to")["Metadata"] == {"kept": "oui"}


@check
def copy_of_what_is_not_there_is_refused():
    refused(s3.copy_object, "NoSuchKey", 404, Bucket=LOCKED, Key="x", CopySource={"Bucket": LOCKED, "Key": "never"})


PART = bytes(range(256)) * (5 * 4096)


def upload(key, parts, bucket=None, **more):
    bucket = bucket or LOCKED
    started = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    done = []
    for number, body in enumerate(parts, 1):
        etag = s3.upload_part(Bucket=bucket, Key=key, UploadId=started, PartNumber=number, Body=body)["ETag"]
        done.append({"PartNumber": number, "ETag": etag})
    return started, done


def complete(key, started, done, bucket=None, **more):
    return s3.complete_multipart_upload(Bucket=bucket or LOCKED, Key=key, UploadId=started,
                                        MultipartUpload={"Parts": done}, **more)


@check
def parts_become_one_object():
    started, done = upload("parts", [PART, b"tail"])
    assert len(s3.list_parts(Bucket=LOCKED, Key="parts", UploadId=started)["Parts"]) == 2
    etag = complete("parts", started, done)["ETag"]
    assert etag.strip('"').endswith("-2"), etag
    assert read("parts") == PART + b"tail"


@check
def parts_are_locked_as_a_whole():
    version = s3.head_object(Bucket=LOCKED, Key="parts")["VersionId"]
    refused(s3.delete_object, 403, Bucket=LOCKED, Key="parts", VersionId=version)


@check
def small_part_in_the_middle_is_refused():
    started, done = upload("small-parts", [b"small", b"tail"])
    refused(lambda: complete("small-parts", started, done), "EntityTooSmall", 400)


@check
def wrong_part_etag_is_refused():
    started, done = upload("wrong-part", [b"x"])
    done[0]["ETag"] = '"' + "0" * 32 + '"'
    refused(lambda: complete("wrong-part", started, done), "InvalidPart", 400)


@check
def aborted_upload_is_gone():
    started, done = upload("aborted", [b"x"])
    s3.abort_multipart_upload(Bucket=LOCKED, Key="aborted", UploadId=started)
    refused(lambda: complete("aborted", started, done), "NoSuchUpload", 404)


@check
def completing_only_if_absent():
    started, done = upload("once", [b"x"])
    refused(lambda: complete("once", started, done, IfNoneMatch="*"), "PreconditionFailed", 412)
    assert read("once") == BODY


def main():
    wrong = 0
    for function in checks:
        try:
            function()
            print("ok", function.__name__, flush=True)
        except Exception as error:  # every check is told, whatever went wrong in one
            wrong += 1
            print(f"WRONG {function.__name__}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(checks)} checks, {wrong} wrong", flush=True)
    sys.exit(1 if wrong else 0)


main()
