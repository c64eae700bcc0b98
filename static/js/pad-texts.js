// Made by docs/catalogues.py.
export const TEXTS = {
  "de": {
    "%(label)s: drawing area": "%(label)s: Zeichenfläche",
    "Write at least %(limit)s digit.": [
      "Schreib mindestens %(limit)s Ziffer.",
      "Schreib mindestens %(limit)s Ziffern."
    ],
    "Write at most %(limit)s digit.": [
      "Schreib höchstens %(limit)s Ziffer.",
      "Schreib höchstens %(limit)s Ziffern."
    ],
    "Clear": "Leeren",
    "Drawing area": "Zeichenfläche",
    "Not sure: please check it.": "Nicht sicher: Bitte prüfe es.",
    "Number": "Zahl",
    "Something went wrong here. Try again in a moment.": "Hier ist etwas schiefgegangen. Versuche es gleich noch einmal.",
    "Still being read. Try again in a moment.": "Wird noch gelesen. Versuche es gleich noch einmal.",
    "The arrow keys move the pen, with Shift in longer steps. Space puts the pen down and lifts it again. Control+Z undoes, Delete clears.": "Die Pfeiltasten bewegen den Stift, mit Umschalt in größeren Schritten. Die Leertaste setzt ihn auf und hebt ihn wieder ab. Strg+Z macht rückgängig, Entf leert.",
    "The connection or the site is too slow. Try again.": "Die Verbindung oder die Website ist zu langsam. Versuche es noch einmal.",
    "The image is larger than 10 MB. Send a smaller one.": "Das Bild ist größer als 10 MB. Sende ein kleineres.",
    "The number must be %(limit)s or less.": "Die Zahl darf höchstens %(limit)s sein.",
    "The number must be %(limit)s or more.": "Die Zahl muss mindestens %(limit)s sein.",
    "The site cannot be reached. Check your connection and try again.": "Die Website ist nicht erreichbar. Prüfe deine Verbindung und versuche es noch einmal.",
    "This no longer exists.": "Das gibt es nicht mehr.",
    "This page is out of date. Reload it and try again.": "Diese Seite ist veraltet. Lade sie neu und versuche es noch einmal.",
    "Undo": "Rückgängig",
    "Write a number.": "Schreib eine Zahl.",
    "Write here": "Hier schreiben",
    "Write one number, in digits.": "Schreib eine Zahl in Ziffern.",
    "You are logged out. Reload the page and log in again.": "Du bist abgemeldet. Lade die Seite neu und melde dich wieder an.",
    "You are offline. Nothing is lost. Try again when you are connected.": "Du bist offline. Nichts ist verloren: Versuche es wieder, sobald du verbunden bist."
  },
  "es": {
    "%(label)s: drawing area": "%(label)s: zona de dibujo",
    "Write at least %(limit)s digit.": [
      "Escribe al menos %(limit)s dígito.",
      "Escribe al menos %(limit)s dígitos."
    ],
    "Write at most %(limit)s digit.": [
      "Escribe como máximo %(limit)s dígito.",
      "Escribe como máximo %(limit)s dígitos."
    ],
    "Clear": "Vaciar",
    "Drawing area": "Zona de dibujo",
    "Not sure: please check it.": "Dudosa: compruébala.",
    "Number": "Número",
    "Something went wrong here. Try again in a moment.": "Algo falló. Inténtalo de nuevo en un momento.",
    "Still being read. Try again in a moment.": "Todavía se está leyendo. Inténtalo de nuevo en un momento.",
    "The arrow keys move the pen, with Shift in longer steps. Space puts the pen down and lifts it again. Control+Z undoes, Delete clears.": "Las flechas mueven el lápiz; con Mayús, en pasos más largos. La barra espaciadora baja el lápiz y lo vuelve a levantar. Control+Z deshace, Supr vacía.",
    "The connection or the site is too slow. Try again.": "La conexión o el sitio van demasiado lentos. Inténtalo de nuevo.",
    "The image is larger than 10 MB. Send a smaller one.": "La imagen ocupa más de 10 MB. Envía una más pequeña.",
    "The number must be %(limit)s or less.": "El número debe ser %(limit)s o menor.",
    "The number must be %(limit)s or more.": "El número debe ser %(limit)s o mayor.",
    "The site cannot be reached. Check your connection and try again.": "No se puede llegar al sitio. Comprueba tu conexión e inténtalo de nuevo.",
    "This no longer exists.": "Esto ya no existe.",
    "This page is out of date. Reload it and try again.": "Esta página está desactualizada. Recárgala e inténtalo de nuevo.",
    "Undo": "Deshacer",
    "Write a number.": "Escribe un número.",
    "Write here": "Escribe aquí",
    "Write one number, in digits.": "Escribe un número con dígitos.",
    "You are logged out. Reload the page and log in again.": "Tu sesión se ha cerrado. Recarga la página y vuelve a iniciarla.",
    "You are offline. Nothing is lost. Try again when you are connected.": "No tienes conexión. No se pierde nada: inténtalo de nuevo cuando la tengas."
  }
};
