import base64
import json
import urllib.request

with open("digits.png", "rb") as file:
    picture = base64.b64encode(file.read()).decode()
request = urllib.request.Request(
    "{{ address }}",
    data=json.dumps({"image": f"data:image/png;base64,{picture}"}).encode(),
    headers={"Authorization": "Bearer {{ token }}", "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response)["text"])
