"""What the stand-in of the Hub answers: one method per route of the protocol.

Requests and answers are plain values here; `hub_server.py` speaks HTTP, and breaks things.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.hub_repos import LFS_ABOVE, LFS_SUFFIXES, Entry, Repo, blob_id, folders

WRITER, READER = "hf_writer_0123456789", "hf_reader_0123456789"
DATE = "2026-01-01T00:00:00.000Z"
_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
# Route, method, path, and whether it changes something.
ROUTES = [
    ("whoami", "GET", r"/api/whoami-v2", False),
    ("yaml", "POST", r"/api/validate-yaml", False),
    ("create", "POST", r"/api/repos/create", True),
    ("settings", "PUT", rf"/api/datasets/{_REPO}/settings", True),
    ("preupload", "POST", rf"/api/datasets/{_REPO}/preupload/(?P<rev>[^/]+)", True),
    ("commit", "POST", rf"/api/datasets/{_REPO}/commit/(?P<rev>[^/]+)", True),
    ("tree", "GET", rf"/api/datasets/{_REPO}/tree/(?P<rev>[^/]+)(?:/(?P<path>.+))?", False),
    ("paths", "POST", rf"/api/datasets/{_REPO}/paths-info/(?P<rev>[^/]+)", False),
    ("commits", "GET", rf"/api/datasets/{_REPO}/commits/(?P<rev>[^/]+)", False),
    ("refs", "GET", rf"/api/datasets/{_REPO}/refs", False),
    ("squash", "POST", rf"/api/datasets/{_REPO}/super-squash/(?P<rev>[^/]+)", True),
    ("lfs_files", "GET", rf"/api/datasets/{_REPO}/lfs-files", True),
    ("lfs_delete", "POST", rf"/api/datasets/{_REPO}/lfs-files/batch", True),
    ("xet_token", "GET", rf"/api/datasets/{_REPO}/xet-write-token/(?P<rev>[^/]+)", True),
    ("info", "GET", rf"/api/datasets/{_REPO}(?:/revision/(?P<rev>[^/]+))?", False),
    ("lfs_batch", "POST", rf"/datasets/{_REPO}\.git/info/lfs/objects/batch", True),
    ("lfs_verify", "POST", rf"/lfs/{_REPO}/verify", True),
    ("lfs_whole", "POST", rf"/lfs/{_REPO}/whole", False),
    ("lfs_put", "PUT", rf"/lfs/{_REPO}/(?P<sha>\w{{64}})(?:/(?P<part>\d+))?", False),
    ("resolve", "GET", rf"/datasets/{_REPO}/resolve/(?P<rev>[^/]+)/(?P<path>.+)", False),
]


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What came in, with the named groups of its route."""

    base: str
    token: str
    groups: dict[str, str]
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class HubError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        body = json.dumps({"error": message}).encode()
        self.answer = Answer(status, body, headers | {"Content-Type": "application/json"})


def _json(value: Any, headers: dict[str, str] | None = None) -> Answer:
    head = {"Content-Type": "application/json"} | (headers or {})
    return Answer(200, json.dumps(value).encode(), head)


class HubRoutes:
    """The answers; `repos` holds what there is, `roles` what a token may do."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.roles = {WRITER: "write", READER: "read"}
        self.page_size = 1000
        self.multipart_chunk = 0  # bytes; 0: basic transfer
        self.xet_folder = ""  # set: Xet mode
        self.damage = ""  # a path that is listed with another checksum than it has
        self.lock = threading.RLock()

    def answer(self, route: str, request: Request) -> Answer:
        """Do what a call asks."""
        self._check_token(request.token)
        if "repo" in request.groups:
            repo = self._repo(route, request)
            with repo.lock:
                done: Callable[..., Answer] = getattr(self, f"_{route}")
                return done(request, repo)
        handlers = {"whoami": self._whoami, "yaml": self._yaml, "create": self._create}
        return handlers[route](request)

    # -- who may what

    def _check_token(self, token: str) -> None:
        if token and token not in self.roles:
            raise HubError(401, "Invalid credentials in Authorization header")

    def _repo(self, route: str, request: Request) -> Repo:
        repo = self.repos.get(request.groups["repo"])
        signed = route in ("lfs_put", "lfs_whole")  # the URL carries the right
        if repo is None or (repo.private and not request.token and not signed):
            status = 404 if request.token else 401
            raise HubError(status, "Repository not found", "RepoNotFound")
        writes = {name for name, _, _, changes in ROUTES if changes}
        if route in writes:
            self._check_write(request.token)
        return repo

    def _check_write(self, token: str) -> None:
        if self.roles.get(token) != "write":
            raise HubError(403 if token else 401, "You don't have the rights to do this")

    # -- the account and its repositories

    def _whoami(self, request: Request) -> Answer:
        if not request.token:
            raise HubError(401, "Invalid credentials in Authorization header")
        role = self.roles[request.token]
        return _json({"name": "org", "auth": {"accessToken": {"role": role}}})

    def _yaml(self, request: Request) -> Answer:
        return _json({"errors": [], "warnings": []})

    def _create(self, request: Request) -> Answer:
        self._check_write(request.token)
        asked = request.json()
        name = f"{asked['organization']}/{asked['name']}"
        with self.lock:
            if name in self.repos:
                raise HubError(409, "You already created this dataset repo")
            self.repos[name] = Repo(name, asked.get("visibility") == "private")
        return _json({"url": f"{request.base}/datasets/{name}"})

    def _settings(self, request: Request, repo: Repo) -> Answer:
        repo.private = request.json()["visibility"] == "private"
        return _json({"private": repo.private})

    def _info(self, request: Request, repo: Repo) -> Answer:
        commit = self._commit_of(request, repo)
        listed = [{"rfilename": path} for path in commit.files]
        facts = {"id": repo.name, "private": repo.private, "sha": commit.oid, "siblings": listed}
        return _json(facts | {"author": repo.name.split("/")[0], "tags": [], "downloads": 0})

    def _refs(self, request: Request, repo: Repo) -> Answer:
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head.oid}
        return _json({"branches": [main], "converts": [], "tags": [], "pullRequests": []})

    # -- uploading

    def _preupload(self, request: Request, repo: Repo) -> Answer:
        rows = []
        for file in request.json()["files"]:
            known = repo.head.files.get(file["path"])
            big = file["path"].endswith(LFS_SUFFIXES) or file["size"] > LFS_ABOVE
            row = {"path": file["path"], "uploadMode": "lfs" if big else "regular"}
            rows.append(row | {"shouldIgnore": False, "oid": known.known_as if known else None})
        return _json({"files": rows})

    def _lfs_batch(self, request: Request, repo: Repo) -> Answer:
        objects = [self._lfs_object(request.base, repo, o) for o in request.json()["objects"]]
        return _json({"transfer": "basic", "objects": objects})

    def _lfs_object(self, base: str, repo: Repo, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["oid"] in repo.lfs:
            return asked
        root = f"{base}/lfs/{repo.name}"
        target: dict[str, Any] = {"href": f"{root}/{asked['oid']}"}
        if chunk := self.multipart_chunk:
            count = -(-asked["size"] // chunk)
            parts = {str(n + 1): f"{root}/{asked['oid']}/{n}?uploadId=1" for n in range(count)}
            target = {"href": f"{root}/whole", "header": {"chunk_size": str(chunk), **parts}}
        return asked | {"actions": {"upload": target, "verify": {"href": f"{root}/verify"}}}

    def _lfs_put(self, request: Request, repo: Repo) -> Answer:
        sha, part = request.groups["sha"], request.groups.get("part")
        if part is not None:
            repo.parts[sha, int(part)] = request.body
            return Answer(headers={"ETag": f'"{part}"'})
        return self._store(repo, sha, request.body)

    def _lfs_whole(self, request: Request, repo: Repo) -> Answer:
        asked = request.json()
        numbers = [row["partNumber"] - 1 for row in asked["parts"]]
        data = b"".join(repo.parts[asked["oid"], number] for number in numbers)
        return self._store(repo, asked["oid"], data)

    def _store(self, repo: Repo, sha: str, data: bytes) -> Answer:
        if hashlib.sha256(data).hexdigest() != sha:
            raise HubError(400, "the bytes are not those that were announced")
        repo.lfs[sha] = data
        repo.received[sha] += 1
        return Answer()

    def _lfs_verify(self, request: Request, repo: Repo) -> Answer:
        if request.json()["oid"] not in repo.lfs:
            raise HubError(404, "no such object")
        return Answer()

    def _xet_token(self, request: Request, repo: Repo) -> Answer:
        url, expiry = f"local://{self.xet_folder}", int(time.time()) + 3600
        head = {"X-Xet-Cas-Url": url, "X-Xet-Token-Expiration": str(expiry)}
        facts = {"casUrl": url, "exp": expiry, "accessToken": "xet"}
        return _json(facts, head | {"X-Xet-Access-Token": "xet"})

    def _commit(self, request: Request, repo: Repo) -> Answer:
        lines = [json.loads(line) for line in request.body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", repo.head.oid) != repo.head.oid:
            raise HubError(412, "The parent commit is not the head of the branch any more")
        files = dict(repo.head.files)
        for line in lines[1:]:
            self._apply(repo, files, line["key"], line["value"])
        made = repo.add(files, header["summary"])
        url = f"{request.base}/datasets/{repo.name}/commit/{made.oid}"
        return _json({"success": True, "commitOid": made.oid, "commitUrl": url})

    def _apply(self, repo: Repo, files: dict[str, Entry], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            data = base64.b64decode(value["content"])
            files[path] = Entry(blob_id(data), len(data), data)
        elif key == "lfsFile":
            if value["oid"] not in repo.lfs and not self.xet_folder:
                raise HubError(400, f"LFS object {value['oid']} was not uploaded")
            files[path] = repo.lfs_entry(value["oid"], value["size"])
        elif path not in files:
            raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            del files[path]

    # -- history

    def _commits(self, request: Request, repo: Repo) -> Answer:
        rows = [{"id": c.oid, "title": c.title, "message": "", "date": DATE} for c in repo.commits]
        return _json([row | {"authors": [{"user": "org"}]} for row in reversed(rows)])

    def _squash(self, request: Request, repo: Repo) -> Answer:
        repo.squash(request.json()["message"])
        return _json({})

    def _lfs_files(self, request: Request, repo: Repo) -> Answer:
        row = {"pushedAt": DATE, "ref": "main", "filename": ""}
        listed = [row | {"fileOid": s, "oid": s, "size": len(d)} for s, d in repo.lfs.items()]
        return _json(listed)

    def _lfs_delete(self, request: Request, repo: Repo) -> Answer:
        repo.forget(set(request.json()["deletions"]["sha"]))
        return _json({})

    # -- reading

    def _commit_of(self, request: Request, repo: Repo) -> Any:
        commit = repo.at(unquote(request.groups.get("rev") or "main"))
        if commit is None:
            raise HubError(404, "Invalid rev id", "RevisionNotFound")
        return commit

    def _tree(self, request: Request, repo: Repo) -> Answer:
        files = self._commit_of(request, repo).files
        top = unquote(request.groups.get("path") or "")
        names = {path: _entry_row(path, entry) for path, entry in files.items()}
        if self.damage in names:
            names[self.damage]["lfs"]["oid"] = "0" * 64
        for path in folders(list(files)):
            oid = blob_id(path.encode())
            names[path] = {"type": "directory", "path": path, "size": 0, "oid": oid}
        below = [path for path in sorted(names) if not top or path.startswith(f"{top}/")]
        if top and not below:
            raise HubError(404, f"{top} does not exist", "EntryNotFound")
        if request.query.get("recursive", ["false"])[0].lower() != "true":
            depth = top.count("/") + 1 if top else 0
            below = [path for path in below if path.count("/") == depth]
        return self._page(request, [names[path] for path in below])

    def _page(self, request: Request, rows: list[Any]) -> Answer:
        start = int(request.query.get("cursor", ["0"])[0])
        end, headers = start + self.page_size, {}
        if end < len(rows):
            kept = "&".join(f"{k}={v[0]}" for k, v in request.query.items() if k != "cursor")
            headers["Link"] = f'<{request.headers[":url"]}?{kept}&cursor={end}>; rel="next"'
        return _json(rows[start:end], headers)

    def _paths(self, request: Request, repo: Repo) -> Answer:
        files = self._commit_of(request, repo).files
        asked = parse_qs(request.body.decode()).get("paths", [])
        rows = [_entry_row(path, files[path]) for path in asked if path in files]
        found = [p for p in asked if p not in files and p in folders(list(files))]
        return _json(rows + [{"type": "directory", "path": p, "oid": "0" * 40} for p in found])

    def _resolve(self, request: Request, repo: Repo) -> Answer:
        commit = self._commit_of(request, repo)
        entry = commit.files.get(unquote(request.groups["path"]))
        if entry is None:
            raise HubError(404, "Entry not found", "EntryNotFound")
        data = repo.content(entry)
        head = {"ETag": f'"{entry.known_as}"', "X-Repo-Commit": commit.oid}
        head["Accept-Ranges"] = "bytes"
        if entry.sha256:
            head |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(len(data))}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not asked:
            return Answer(200, data, head)
        start, end = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        if start >= len(data):
            return Answer(416, b"", head | {"Content-Range": f"bytes */{len(data)}"})
        head["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        return Answer(206, data[start : end + 1], head)


def _entry_row(path: str, entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "file", "path": path, "size": entry.size, "oid": entry.oid}
    if entry.sha256:
        row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}
    return row
