"""Proving what is promised of a store and of a release, each promise from the data themselves."""

from tools.audit.findings import Finding, Report
from tools.audit.release_audit import audit_release
from tools.audit.store_audit import audit, audit_store

__all__ = ["Finding", "Report", "audit", "audit_release", "audit_store"]
