"""Who asks: the signed-in user's id goes with every question to the text model.

Label Studio's own call to an interactive backend names nobody. Ours writes the id of the session
over whatever the browser sent under that name.
"""

from typing import Any

from ml.api import MLBackendInteractiveAnnotating
from rest_framework.exceptions import ValidationError

USER_KEY = "pixmo_user"  # annotation.ask.context reads it


class AskWithUser(MLBackendInteractiveAnnotating):
    """Label Studio's view of one question to an interactive backend, with the user in it."""

    def _get_credentials(self, request: Any, context: Any, project: Any) -> dict[str, Any]:
        if context is not None and not isinstance(context, dict):
            raise ValidationError({"context": "an object is expected"})
        known = super()._get_credentials(request, context or {}, project)
        return {**known, USER_KEY: request.user.id}
