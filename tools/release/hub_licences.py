"""Licences by the identifiers that the Hugging Face Hub accepts in a card's header.

Anything else makes the Hub refuse the header, so free text goes in as `other` with a name.
"""

import re

_OTHER = "other"
# https://huggingface.co/docs/hub/repositories-licenses; one that is newer goes as `other`, too.
_IDS = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear
c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl
ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1
lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa
unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 gemma unknown other
"""
HUB_LICENCES = frozenset(_IDS.split())
_URLS = {
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "mit": "https://opensource.org/license/mit",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "odc-by": "https://opendatacommons.org/licenses/by/1-0/",
    "odbl": "https://opendatacommons.org/licenses/odbl/1-0/",
}
_CC = re.compile(r"cc-(by(?:-nc)?(?:-nd|-sa)?)-(\d\.\d)")


def licence_header(licence: str) -> dict[str, str]:
    """The keys of a card's header that state a licence."""
    wanted = licence.strip()
    if wanted.lower() in HUB_LICENCES:
        return {"license": wanted.lower()}
    return {"license": _OTHER, "license_name": _slug(wanted) or "unknown"}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:100]


def licence_url(licence: str) -> str:
    """The page of a licence where that is known, else the text itself."""
    wanted = licence.strip().lower()
    if match := _CC.fullmatch(wanted):
        return f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/"
    return _URLS.get(wanted, licence.strip())
