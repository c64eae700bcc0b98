"""The django-allauth views that the site uses, with allauth's URL names."""

from allauth.account import views as allauth
from django.urls import include, path, re_path
from django.views.decorators.http import require_POST

from . import views

urlpatterns = [
    path("", views.account, name="account"),
    path("language/", views.choose_language, name="language"),
    path("erase/", views.erase_account, name="account-erase"),
    path("erasing/<str:token>/", views.erasing, name="account-erasing"),
    path("erasing/<str:token>/progress/", views.erasing_progress, name="account-erasing-progress"),
    path("signup/", views.SignUp.as_view(), name="account_signup"),
    path("login/", allauth.login, name="account_login"),
    path("logout/", require_POST(allauth.logout), name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path("password/reset/sent/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("email/", allauth.email, name="account_email"),
    re_path(r"^email/confirm/(?P<key>[-:\w]+)/$", allauth.confirm_email, name="account_confirm_email"),
    path("mfa/webauthn/login/", views.PasskeyLogIn.as_view(), name="mfa_login_webauthn"),
    path("mfa/", include("allauth.mfa.urls")),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("sessions/", views.Sessions.as_view(), name="usersessions_list"),
    path("sessions/<int:pk>/end/", views.end_session, name="session-end"),
    path("password/", allauth.password_change, name="account_change_password"),
]
