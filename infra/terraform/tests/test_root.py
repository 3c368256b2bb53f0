"""The whole, planned by the real provider against a simulator on loopback; what the plan says."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import pytest

from tests.support.terraform import SOURCES, Configuration, by_kind

EXAMPLE = "environments/production.tfvars.example"
TRIAL = "environments/trial.tfvars.example"
COMPOSE = SOURCES.parents[1] / "docker-compose.yml"
PAGES = '{UPLOADS_CORS_ORIGINS="https://Tools.example.org:443, http://localhost:3000"}'
BAD = {
    "environment": "Much-Too-Long-Name",
    "account_id": "12",
    "content_host": "content.uploads.example.org",
    "images": '{web="web:latest",worker="worker:1",clamav="clamav:1"}',
    "content_cdn_certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/3",
    "database_ca": "rds.pem",
    "quarantine_days": "0",
    "first_administrator": "nobody",
    "requests_per_address": "1",
    "secret_key_signs": "c",
    "user": "0:0",
    "clamav_user": "root",
    "settings": '{UPLOADS_OFFICE="on"}',
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, simulator: str) -> Configuration:
    platform = {
        "AWS_ENDPOINT_URL": simulator,
        "AWS_ACCESS_KEY_ID": "simulator",
        "AWS_SECRET_ACCESS_KEY": "simulator",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return Configuration(tmp_path_factory.mktemp("root"), ".", platform=platform)


@pytest.fixture(scope="module")
def there(simulator: str) -> dict[str, str]:
    """What must be there before: the zones, and CloudFront's addresses."""
    dns = boto3.client(
        "route53",
        region_name="us-east-1",
        endpoint_url=simulator,
        aws_access_key_id="simulator",
        aws_secret_access_key="simulator",
    )
    made = {
        f"{host}_zone_id": dns.create_hosted_zone(Name=name, CallerReference=host)["HostedZone"]
        for host, name in (("app", "example.org"), ("content", "example.net"))
    }
    zones = {variable: zone["Id"].removeprefix("/hostedzone/") for variable, zone in made.items()}
    return {"cloudfront_prefix_list_id": "pl-0123456789abcdef0", **zones}


@pytest.fixture(scope="module")
def planned(root: Configuration, there: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What would be made, by kind."""
    return by_kind(root.plan(EXAMPLE, **there, settings=PAGES))


def test_one_load_balancer_alone_is_public(planned: dict[str, list[dict[str, Any]]]) -> None:
    public = [one["_at"] for one in planned["aws_lb"] if not one["internal"]]
    assert public == ['module.edge.aws_lb.this["app"]']
    assert {one["xff_header_processing_mode"] for one in planned["aws_lb"] if one["internal"]} == {
        "preserve"
    }
    listeners = planned["aws_lb_listener"]
    plain = [one for one in listeners if one["protocol"] != "HTTPS"]
    assert [one["default_action"][0]["type"] for one in plain] == ["redirect"]
    assert {one["ssl_policy"] for one in listeners if one not in plain} == {
        "ELBSecurityPolicy-TLS13-1-2-2021-06"
    }
    assert not planned["aws_db_instance"][0]["publicly_accessible"]
    for one in planned["aws_ecs_service"]:
        assert one["network_configuration"][0]["assign_public_ip"] is False
        assert one["enable_execute_command"] is False


def test_everything_at_rest_and_on_its_way_is_encrypted(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    assert planned["aws_db_instance"][0]["storage_encrypted"]
    (cache,) = planned["aws_elasticache_replication_group"]
    assert cache["transit_encryption_enabled"]
    assert cache["transit_encryption_mode"] == "required"
    assert cache["at_rest_encryption_enabled"] in {True, "true"}
    assert cache["multi_az_enabled"]
    assert all(one["enable_key_rotation"] for one in planned["aws_kms_key"])
    (content,) = planned["aws_cloudfront_distribution"]
    assert content["viewer_certificate"][0]["minimum_protocol_version"] == "TLSv1.2_2021"
    assert content["default_cache_behavior"][0]["viewer_protocol_policy"] == "redirect-to-https"


def test_listed_pages_may_put_signed_parts(planned: dict[str, list[dict[str, Any]]]) -> None:
    """As the service is told of them, and the store's rule with it."""
    rules = {
        one["cors_rule"][0]["allowed_methods"][0]: set(one["cors_rule"][0]["allowed_origins"])
        for one in planned["aws_s3_bucket_cors_configuration"]
    }
    page = "https://uploads.example.org"
    listed = {page, "https://tools.example.org", "http://localhost:3000"}
    assert rules.pop("PUT") == listed
    assert list(rules.values()) == [{page}]


def test_redis_never_forgets_and_its_user_has_no_rights_over_it(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    (group,) = planned["aws_elasticache_parameter_group"]
    assert {"name": "maxmemory-policy", "value": "noeviction"} in group["parameter"]
    source = (SOURCES / "modules" / "cache" / "main.tf").read_text()
    assert "-@admin -@dangerous" in source
    assert "{{resolve:secretsmanager:" in source
    assert "aws_elasticache_user" not in planned


def test_there_is_one_clock_and_never_two(planned: dict[str, list[dict[str, Any]]]) -> None:
    (clock,) = [one for one in planned["aws_ecs_service"] if one["name"] == "schedule"]
    assert (clock["desired_count"], clock["deployment_maximum_percent"]) == (1, 100)
    assert {one["name"] for one in planned["aws_ecs_service"]} == {
        "web", "worker", "courier", "schedule", "clamd",
    }  # fmt: skip


def test_bad_values_are_refused_by_name(root: Configuration) -> None:
    """All of them at once, before anything is asked of AWS."""
    words = root.refused(EXAMPLE, **BAD)
    missing = [name for name in BAD if f"var.{name} is" not in words and f"{name} " not in words]
    assert "Invalid value for variable" in words
    assert not missing, words
    assert words.count("Invalid value for variable") == len(BAD)


def test_machines_of_our_own_are_planned_too(root: Configuration, there: dict[str, str]) -> None:
    """The small example: a task has its own role there, and never the machine's."""
    found = by_kind(root.plan(TRIAL, **there, launch="EC2"))
    (machine,) = found["aws_launch_template"]
    assert machine["metadata_options"][0]["http_put_response_hop_limit"] == 1
    assert machine["metadata_options"][0]["http_tokens"] == "required"
    assert machine["block_device_mappings"][0]["ebs"][0]["encrypted"] == "true"
    for one in found["aws_ecs_service"]:
        assert one.get("launch_type") is None
        assert len(one["capacity_provider_strategy"]) == 1
    assert {tuple(one["requires_compatibilities"]) for one in found["aws_ecs_task_definition"]} == {
        ("EC2",)
    }


def test_workers_come_and_go_by_how_long_the_oldest_file_waits(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    policies = {one["name"]: one for one in planned["aws_appautoscaling_policy"]}
    assert set(policies) == {"web", "clamd", "worker-more", "worker-fewer"}
    (web,) = policies["web"]["target_tracking_scaling_policy_configuration"]
    (counted,) = web["predefined_metric_specification"]
    assert counted["predefined_metric_type"] == "ALBRequestCountPerTarget"
    for name, sign in (("worker-more", 1), ("worker-fewer", -1)):
        (steps,) = policies[name]["step_scaling_policy_configuration"]
        assert all(one["scaling_adjustment"] * sign > 0 for one in steps["step_adjustment"])
    # A step for every value above the alarm's, without a gap between two of them.
    (more,) = policies["worker-more"]["step_scaling_policy_configuration"]
    steps = more["step_adjustment"]
    bounds = sorted(one["metric_interval_lower_bound"] for one in steps)
    assert bounds == ["0", "240"]
    assert {one["metric_interval_upper_bound"] for one in steps} == {"240", ""}


def test_what_nobody_measures_changes_no_number_of_workers(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    alarms = {one["alarm_name"]: one for one in planned["aws_cloudwatch_metric_alarm"]}
    for name in ("more-workers", "fewer-workers"):
        assert alarms[f"uploads-production-{name}"]["treat_missing_data"] == "notBreaching"
    waited = alarms["uploads-production-more-workers"]
    filters = {
        (one["namespace"], one["name"])
        for found in planned["aws_cloudwatch_log_metric_filter"]
        for one in found["metric_transformation"]
    }
    assert (waited["namespace"], waited["metric_name"]) in filters
    assert not any(
        one.get("default_value")
        for found in planned["aws_cloudwatch_log_metric_filter"]
        for one in found["metric_transformation"]
    )


def test_clamavs_version_stands_in_the_compose_file_alone(
    planned: dict[str, list[dict[str, Any]]],
) -> None:
    (version,) = re.findall(r"&clamav (clamav/clamav:\S+)", COMPOSE.read_text())
    assert [path.name for path in SOURCES.rglob("*.tf*") if "clamav:1" in path.read_text()] == [
        "main.tf"  # of tests/service, whose images are made up
    ]
    (clamd,) = [
        one for one in planned["aws_ecs_task_definition"] if one["family"].endswith("-clamd")
    ]
    images = {one["image"] for one in json.loads(clamd["container_definitions"])}
    assert images == {f"docker.io/{version}"}
