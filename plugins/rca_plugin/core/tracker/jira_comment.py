"""Comments in webhooks of Jira."""

from __future__ import annotations

import re

from rca_plugin.core.tracker.event import Said, TicketComment
from rca_plugin.core.tracker.jira_body import Comment, Webhook

_UPDATED = "jira:issue_updated"
_COMMENTS = {
    "comment_created": Said.ADDED, "comment_updated": Said.EDITED, "comment_deleted": Said.DELETED,
    "issue_commented": Said.ADDED, "issue_comment_edited": Said.EDITED, "issue_comment_deleted": Said.DELETED,
}  # fmt: skip
_ISSUE_OF_COMMENT = re.compile(r"/issue/([0-9]{1,19})/comment/")
_NOT_FOR_ALL = "(not everybody may read this comment in Jira)"


def comment_in(told: Webhook) -> TicketComment | None:
    """What a webhook tells of a comment; None where it tells of none."""
    comment = told.comment
    if comment is None or not comment.id:
        return None
    said = _COMMENTS.get(told.event or "") or _COMMENTS.get(told.kind or "") or _guessed(told, comment)
    if said is None:
        return None
    author = comment.editor if said is Said.EDITED and comment.editor else comment.author
    account = author.to_account() if author else None
    text = _NOT_FOR_ALL if comment.visibility else comment.body
    return TicketComment(comment.id, comment.updated or "", said, text, account.name if account else "")


def _guessed(told: Webhook, comment: Comment) -> Said | None:
    """What old Data Centers do not say."""
    if told.event != _UPDATED:
        return None
    return Said.ADDED if comment.created == comment.updated else Said.EDITED


def issue_of(comment: Comment | None) -> str | None:
    """Data Center tells a comment without its ticket: that is in the comment's address."""
    found = _ISSUE_OF_COMMENT.search((comment and comment.address) or "")
    return found and found[1]
