"""Makes a Cognito user pool with a client and a user, and signs the user in.

Standard input: {"url": where Cognito is}. Standard output: the pool's ARN, the client's id, the
user's ID and access tokens.
"""

import json
import sys

import botocore.session

url = json.load(sys.stdin)["url"]
session = botocore.session.Session()
session.set_credentials("test", "test")
cognito = session.create_client("cognito-idp", region_name="us-east-1", endpoint_url=url)

pool = cognito.create_user_pool(PoolName="customers")["UserPool"]
client = cognito.create_user_pool_client(
    UserPoolId=pool["Id"],
    ClientName="web",
    ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
)["UserPoolClient"]
password = "Correct-horse-9"
cognito.admin_create_user(
    UserPoolId=pool["Id"],
    Username="ada",
    UserAttributes=[{"Name": "email", "Value": "ada@example.com"}],
    MessageAction="SUPPRESS",
)
cognito.admin_set_user_password(
    UserPoolId=pool["Id"], Username="ada", Password=password, Permanent=True
)
tokens = cognito.admin_initiate_auth(
    UserPoolId=pool["Id"],
    ClientId=client["ClientId"],
    AuthFlow="ADMIN_USER_PASSWORD_AUTH",
    AuthParameters={"USERNAME": "ada", "PASSWORD": password},
)["AuthenticationResult"]
json.dump(
    {
        "id": pool["Id"],
        "arn": pool["Arn"],
        "client": client["ClientId"],
        "idToken": tokens["IdToken"],
        "accessToken": tokens["AccessToken"],
    },
    sys.stdout,
)
