"""Users in the admin."""

from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from keys.models import Key
from recognizer.models import Prediction

from .closing import close_account
from .factors import remove_factors
from .names import is_taken
from .reset import make_link, may_let_in


class SetPasswordForm(AdminPasswordChangeForm):
    """Sets another user's password, which ends their sessions, and optionally revokes their keys."""

    revoke_keys = forms.BooleanField(label=gettext_lazy("Revoke all API keys of this user"), required=False)

    def save(self, commit: bool = True) -> Any:
        with transaction.atomic():
            user = super().save(commit)
            if self.cleaned_data["revoke_keys"]:
                Key.objects.filter(user=user).delete()
        return user


class OneName(forms.ModelForm):
    """Refuses a name that equals another user's, ignoring case and width."""

    def clean_username(self) -> str:
        name = str(self.cleaned_data["username"])
        if is_taken(name, by_other_than=self.instance if self.instance.pk else None):
            raise get_adapter().validation_error("username_taken")
        return name


class AddUser(OneName, AdminUserCreationForm):
    pass


class ChangeUser(OneName, UserChangeForm):
    pass


class Permissions(forms.ModelMultipleChoiceField):
    """Permissions, each named by its model and what it allows, in the language of the page."""

    WORDS: ClassVar = {
        "add": gettext_lazy("add"),
        "change": gettext_lazy("change"),
        "delete": gettext_lazy("delete"),
        "view": gettext_lazy("view"),
    }

    def label_from_instance(self, permission: Any) -> str:
        model = permission.content_type.model_class()
        words = self.WORDS.get(permission.codename.removesuffix(f"_{model._meta.model_name}"))
        return f"{capfirst(model._meta.verbose_name)}: {words or gettext(permission.name)}"


class ChoosesPermissions(admin.ModelAdmin):
    """Offers the permissions of what the admin shows. Others open nothing."""

    # Plain lists: the admin's widget uses inline styles and has no label for screen readers.
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Permission:
            shown = ContentType.objects.get_for_models(*self.admin_site._registry).values()
            kwargs |= {"form_class": Permissions, "queryset": Permission.objects.filter(content_type__in=shown)}
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class AccountAdmin(ChoosesPermissions, UserAdmin):
    add_form = AddUser
    form = ChangeUser
    actions = ["make_reset_link", "remove_factors"]
    readonly_fields = ["last_login", "date_joined"]
    change_password_form = SetPasswordForm
    change_user_password_template = "admin/accounts/change_password.html"  # noqa: S105  # no password

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        close_account(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            close_account(user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count what is deleted with an account; Django's own page would list each of many thousand rows."""
        counts: dict[Any, int] = {
            User: len(objs),
            Prediction: Prediction.objects.filter(owner__in=objs).count(),
            Key: Key.objects.filter(user__in=objs).count(),
        }
        needed = {
            model._meta.verbose_name
            for model in (Prediction, Key)
            if counts[model] and not self.admin_site.get_model_admin(model).has_delete_permission(request)
        }
        named = {model._meta.verbose_name_plural: count for model, count in counts.items()}
        return [str(user) for user in objs], named, needed, []

    @admin.action(description=gettext_lazy("Create a one-time link to reset the password"), permissions=["change"])
    def make_reset_link(self, request: HttpRequest, users: Any) -> HttpResponse | None:
        """Show a password link once, which staff pass on to a user without mail."""
        chosen = list(users[:2])
        if len(chosen) != 1:
            self.message_user(request, gettext("Choose one user."), messages.ERROR)
            return None
        (user,) = chosen
        if not may_let_in(request.user, user):
            self.message_user(request, gettext("Only superusers may do this for staff."), messages.ERROR)
            return None
        context = self.admin_site.each_context(request) | {
            "title": gettext("A link for %(user)s") % {"user": user},
            "link": make_link(user),
            "opts": self.opts,
        }
        return render(request, "admin/reset_link.html", context)

    @admin.action(description=gettext_lazy("Remove all second factors"), permissions=["change"])
    def remove_factors(self, request: HttpRequest, users: Any) -> None:
        """Remove the second factors of users who have lost app, passkeys and recovery codes."""
        for user in users:
            if may_let_in(request.user, user):
                remove_factors(user)
                self.message_user(request, gettext("%(user)s has no second factor.") % {"user": user})
            else:
                self.message_user(request, gettext("Only superusers may do this for staff."), messages.ERROR)


class GroupsAdmin(ChoosesPermissions, GroupAdmin):  # type: ignore[misc]  # the stubs differ
    pass


admin.site.unregister([User, Group, EmailAddress, UserSession, Authenticator])
admin.site.register(User, AccountAdmin)
admin.site.register(Group, GroupsAdmin)
