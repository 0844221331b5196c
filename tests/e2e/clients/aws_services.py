"""What stands in AWS's services, by AWS's own SDK.

Reads from standard input {"endpoint": URL, "do": "create" | "read"}. `create` makes the table and
the queue of examples/aws-services; `read` writes what is in them as JSON: {"items": […], "messages":
[…]}, each item with DynamoDB's own types.
"""

import json
import sys

import boto3

REGION = "us-east-1"


def main():
    asked = json.load(sys.stdin)
    settings = {
        "endpoint_url": asked["endpoint"],
        "region_name": REGION,
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    }
    table = boto3.client("dynamodb", **settings)
    queue = boto3.client("sqs", **settings)
    json.dump({"create": create, "read": read}[asked["do"]](table, queue), sys.stdout)


def create(table, queue):
    table.create_table(
        TableName="pets",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return {"queue": queue.create_queue(QueueName="letters")["QueueUrl"]}


def read(table, queue):
    url = queue.get_queue_url(QueueName="letters")["QueueUrl"]
    received = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return {
        "items": table.scan(TableName="pets")["Items"],
        "messages": [message["Body"] for message in received.get("Messages", [])],
    }


if __name__ == "__main__":
    main()
