"""The Hub follows a takedown: the new release is published, and the old one's files disappear."""

from pipelines.services.hub.publish import Target, plan_release, publish_release
from pipelines.services.hub.purge import purge_history
from schemas.errors import UsageError
from schemas.manifest import MANIFEST
from schemas.store import Store
from tools.release.card_merge import merge_card


def follow_on_hub(store: Store, repo: str, warnings: list[str]) -> str:
    """Publish the release to `repo` as it is now and remove its history; the commit it is at.

    The repository stays as public or private as it is. UsageError when there is none; a store
    without a release adds a warning and changes nothing.
    """
    release = f"{store.url}/release"
    if not store.fs.exists(store.path("release", MANIFEST)):
        warnings.append(
            f"no row is left to publish: delete the repository {repo} on the Hub, or export and "
            "publish another release and take down again"
        )
        return ""
    target = Target(repo)
    state = plan_release(release, Target(repo, private=True), merge_card).state
    if state is None:
        raise UsageError(f"--repo {repo}: there is no such repository, or the token may not see it")
    publish_release(release, target, merge_card)
    purged = purge_history(repo)
    if purged.other_refs:
        warnings.append(
            f"{repo}: these may still hold old files, delete them: {', '.join(purged.other_refs)}"
        )
    return _head(release, repo)


def _head(release: str, repo: str) -> str:
    state = plan_release(release, Target(repo), merge_card).state
    return state.head if state else ""
