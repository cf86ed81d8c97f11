"""In what form the password left the page; neither it nor anything made of it is kept."""

from __future__ import annotations

from ...model import Facts


class WebPasswordSent(Facts, tag="web.password_sent"):
    """The request by which the page itself sent the password, as Chromium was seen to send it.

    `by` is `page`, or `toolkit` where the request was made by this program: that says nothing of the page's
    script. `form` is `plain`, `base64`, `hex`, an unsalted `md5`, `md5-twice`, `sha1`, `sha256`, `sha512` or
    `sm3`, `other` where it is none of these, empty where that cannot be told. `chars` is the length of what
    stands in the password's field. `in_url`: an address that was asked for holds it, in one of these forms.
    """

    by: str
    method: str = ""
    path: str = ""
    scheme: str = ""
    form: str = ""
    chars: int | None = None
    in_url: bool | None = None
