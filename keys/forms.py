"""Forms to create and change keys."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from .models import MAX_CALLS, MAX_ORIGINS, Key, Lifetime, Scope, every_scope

DEFAULT_PORTS = {"https": 443, "http": 80}


def origin_of(address: str) -> str:
    """Return the origin of a web address as browsers send it. Raises ValidationError."""
    try:
        url = urlsplit(address)
        host, port = (url.hostname or "").encode("idna").decode(), url.port
    except ValueError:
        host, port = "", None
    if not host or url.scheme not in DEFAULT_PORTS:
        raise ValidationError(
            gettext("%(address)r is not a web address. Write it as in https://shop.example.")
            % {"address": address[:60]}
        )
    if ":" in host:
        host = f"[{host}]"
    return f"{url.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[url.scheme]) else f":{port}")


class OriginsField(forms.CharField):
    """Origins of web pages, one on each line."""

    widget = forms.Textarea(attrs={"rows": 2, "placeholder": "https://shop.example", "spellcheck": "false"})

    def clean(self, value: Any) -> list[str]:
        origins = sorted({origin_of(line) for line in super().clean(value).split()})
        if len(origins) > MAX_ORIGINS:
            raise ValidationError(
                gettext("You named %(number)d sites; at most %(most)d are allowed.")
                % {"number": len(origins), "most": MAX_ORIGINS}
            )
        return origins


class KeyForm(forms.ModelForm):
    """Fields of every key: name and rate limit."""

    class Meta:
        model = Key
        fields = ["name", "limit"]
        labels = {
            "name": gettext_lazy("Name"),
            "limit": gettext_lazy("Calls per minute"),
            "days": gettext_lazy("Expires"),
        }
        help_texts = {"name": gettext_lazy("Which program or machine will use it.")}

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["limit"].widget.attrs |= {"min": 1, "max": MAX_CALLS}
        if "days" in self.fields:
            self.fields["days"].initial = Lifetime.QUARTER


class ChangeKeyForm(KeyForm):
    """A key's name, permissions and rate limit."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        choices=[
            (scope.value, format_lazy("{}: {}", scope.value, scope.label)) for scope in Scope if scope != Scope.PREVIEW
        ],
        initial=every_scope,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta(KeyForm.Meta):
        fields = ["name", "scopes", "limit"]
        help_texts = KeyForm.Meta.help_texts | {"limit": gettext_lazy("Leave it empty to use your account's limits.")}

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, user=user, **options)
        if not user.is_staff:
            scopes: Any = self.fields["scopes"]
            scopes.choices = [choice for choice in scopes.choices if choice[0] != Scope.OTHERS]
        self.fields["limit"].widget.attrs["placeholder"] = gettext("your limits")


class MakeKeyForm(ChangeKeyForm):
    """Like its base, plus when the key expires."""

    class Meta(ChangeKeyForm.Meta):
        fields = ["name", "scopes", "days", "limit"]


class ChangePublishableKeyForm(KeyForm):
    """A publishable key's name, origins and rate limit."""

    origins = OriginsField(
        label=gettext_lazy("Your sites"),
        help_text=gettext_lazy("One per line. The key works only on pages of these sites."),
    )

    class Meta(KeyForm.Meta):
        fields = ["name", "origins", "limit"]
        help_texts = {
            "name": gettext_lazy("Which pages will use it."),
            "limit": gettext_lazy("All calls from your pages together."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        # Separate ids, because the form of secret keys is on the same page.
        super().__init__(*args, auto_id="publishable_%s", **options)
        self.fields["limit"].required = True
        if self.instance.pk:
            self.initial["origins"] = "\n".join(map(str, self.instance.origins.all()))

    def save(self, commit: bool = True) -> Key:
        key: Key = super().save(commit)
        key.allow_only(self.cleaned_data["origins"])
        return key


class MakePublishableKeyForm(ChangePublishableKeyForm):
    """Like its base, plus when the key expires."""

    class Meta(ChangePublishableKeyForm.Meta):
        fields = ["name", "origins", "days", "limit"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["days"].initial = None
        self.fields["limit"].initial = MAX_CALLS


class RenewForm(forms.Form):
    """When the old token stops working."""

    old = forms.ChoiceField(
        label=gettext_lazy("The old token stops working"),
        choices=[("now", gettext_lazy("at once")), ("later", gettext_lazy("in a day"))],
    )
