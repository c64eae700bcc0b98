/** Call a function with the files chosen in an input, each time; also with those chosen before this script had loaded. */
export function onChosen(input, take) {
  const chosen = () => {
    const files = [...input.files];
    input.value = ""; // Without this, choosing the same file again fires no event.
    if (files.length) take(files);
  };
  input.addEventListener("change", chosen);
  chosen();
}
