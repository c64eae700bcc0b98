curl {{ address }} \
  -H "Authorization: Token {{ token }}" \
  -F image=@digits.png
