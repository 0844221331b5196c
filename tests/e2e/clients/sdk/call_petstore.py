"""Calls the pet store with the client that was generated for it.

Arguments: where it is, and a customer's key. Standard output: what each call came to, in JSON.
"""

import json
import sys

from petstore import ApiClient, Configuration, DefaultApi
from petstore.exceptions import ApiException
from petstore.models.pet import Pet

host, key = sys.argv[1:]


def api(**settings):
    return DefaultApi(ApiClient(Configuration(host=host, **settings)))


def refused(call):
    try:
        call()
    except ApiException as refusal:
        return {"status": refusal.status, "body": json.loads(refusal.body)}
    return None


customer = api(api_key={"api_key": key})
added = customer.add_pet_with_http_info(Pet(name="Rex", type="dog"))
print(
    json.dumps(
        {
            "default": Configuration().host,
            "open": api().get_status_with_http_info().status_code,
            "without": refused(api().list_pets),
            "wrong": refused(api(api_key={"api_key": "a-key-of-nobody"}).list_pets),
            "cats": [[pet.name, type(pet).__name__] for pet in customer.list_pets(type="cat")],
            "added": added.status_code,
            "dogs": [pet.name for pet in customer.list_pets(type="dog")],
        }
    )
)
