curl {{ address }} \
  -H "Authorization: Bearer {{ token }}" \
  -F image=@digits.png
