# The processes on ECS: one task definition each, with what is true for all of them said once.

locals {
  fargate = var.launch == "FARGATE"
  scratch = "/scratch"

  # Before the program: the authority that signs the database's certificate as a file, and Redis's
  # address with its password. Secrets come as variables, by ECS, and are in no task definition.
  begin = <<-EOT
    set -eu
    umask 077
    mkdir -p "$UPLOADS_DATA/run" "$UPLOADS_SCRATCH"
    printf '%s' "$DATABASE_CA" >"$PGSSLROOTCERT"
    export UPLOADS_REDIS_URL="rediss://$REDIS_USER:$REDIS_PASSWORD@$REDIS_ADDRESS/0?ssl_cert_reqs=required"
    unset REDIS_PASSWORD DATABASE_CA
    exec "$@"
  EOT

  # gunicorn listens on loopback by its file; here the load balancers must reach it, and only they can.
  gunicorn = <<-EOT
    exec python -m gunicorn --bind 0.0.0.0:8000 \
      --config "$(python -c 'import uploads; print(uploads.__path__[0] + "/gunicorn.conf.py")')"
  EOT
  celery   = ["python", "-m", "celery", "--quiet", "--app"]
  quiet    = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair"]

  environment = merge(
    {
      UPLOADS_ENV              = "production"
      UPLOADS_DATA             = "${local.scratch}/data"
      UPLOADS_SCRATCH          = "${local.scratch}/files"
      UPLOADS_PUBLIC_URL       = var.public_url
      UPLOADS_CONTENT_URL      = var.content_url
      UPLOADS_TRUSTED_PROXIES  = "1"
      UPLOADS_INTERNAL_NETS    = var.internal_net
      UPLOADS_DATABASE_URL     = var.database_url
      UPLOADS_S3_ENDPOINT      = "https://s3.${var.region}.amazonaws.com"
      UPLOADS_S3_REGION        = var.region
      UPLOADS_S3_KEYS          = "role"
      UPLOADS_S3_BUCKET_PREFIX = var.bucket_prefix
      UPLOADS_CLAMD            = "clamd.${var.name}.internal:3310"
      UPLOADS_QUARANTINE_DAYS  = tostring(var.quarantine_days)
      UPLOADS_WEBHOOK_PORTS    = join(",", [for port in var.webhook_ports : tostring(port)])
      # The schedule's line by which workers are scaled (scaling.tf).
      UPLOADS_BACKLOG_LOG_SECONDS = "60"
      PGSSLMODE                   = "verify-full"
      PGSSLROOTCERT               = "${local.scratch}/database-ca.pem"
      DATABASE_CA                 = var.database_ca
      REDIS_ADDRESS               = var.redis_address
      REDIS_USER                  = var.redis_user
      HOME                        = local.scratch
      TMPDIR                      = local.scratch
      MALLOC_ARENA_MAX            = "2"
    },
    var.settings,
  )

  redis_secret = { REDIS_PASSWORD = var.redis_secret_arn }
  all_secrets = merge(local.redis_secret, {
    UPLOADS_SECRET_KEY      = var.secret_key_arn
    UPLOADS_SECRET_KEYS_OLD = var.secret_key_old_arn
  })

  # What differs. Parsers are in the worker's image alone; who opens no file has the web's. `ready` is the service's own word: a file that a worker makes when the parser cell, the
  # rules and the engines have proved themselves.
  processes = {
    web = {
      image   = var.images.web, secrets = local.all_secrets, patience = 45, port = 8000
      command = ["sh", "-c", local.gunicorn]
      ready   = "python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)\""
    }
    worker = {
      image   = var.images.worker, secrets = local.all_secrets, patience = 30, port = 0
      command = concat(local.celery, ["workers.app", "worker", "--pool", "prefork"], local.quiet, ["--queues", "uploads,upkeep"])
      ready   = "test -e $UPLOADS_DATA/run/worker.ready"
    }
    courier = {
      image   = var.images.web, secrets = local.all_secrets, patience = 30, port = 0
      command = concat(local.celery, ["workers.courier.app", "worker", "--pool", "threads", "--concurrency", "8"], local.quiet, ["--queues", "webhooks"])
      ready   = "test -e $UPLOADS_DATA/run/courier.ready"
    }
    schedule = {
      image   = var.images.web, secrets = local.redis_secret, patience = 10, port = 0
      command = concat(local.celery, ["workers.beat", "beat", "--schedule", "${local.scratch}/data/run/beat"])
      ready   = ""
    }
    bootstrap = {
      image   = var.images.web, port = 0, patience = 30
      secrets = merge(local.all_secrets, { FIRST_PASSWORD = var.first_administrator_secret_arn })
      # Buckets and their CORS rules are Terraform's; this task may not even look into them.
      command = ["sh", "-c", <<-EOT
        set -eu
        printf '%s\n' "$FIRST_PASSWORD" >${local.scratch}/first-password
        unset FIRST_PASSWORD
        exec uploads bootstrap --no-store --administrator "$FIRST_ADMINISTRATOR" \
          --password-file ${local.scratch}/first-password
      EOT
      ]
      ready = ""
    }
  }

  # Of every container, whatever it runs.
  locked = {
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"], add = [] } }
    mountPoints            = [{ sourceVolume = "scratch", containerPath = local.scratch, readOnly = false }]
    volumesFrom            = []
    systemControls         = []
  }

  # A fresh volume is root's. This lets the program's own user write to it, and ends.
  prepare = merge(local.locked, {
    name       = "prepare"
    essential  = false
    user       = "0"
    entryPoint = ["chmod", "1777", local.scratch]
    command    = []
  })

  running = { for process, count in var.counts : process => count if var.start }

  definitions = {
    for process, one in local.processes : process => [
      merge(local.prepare, { image = one.image, logConfiguration = local.logs[process] }),
      merge(local.locked, {
        name             = process
        image            = one.image
        essential        = true
        user             = var.user
        entryPoint       = ["sh", "-c", local.begin, "uploads"]
        command          = one.command
        stopTimeout      = one.patience
        dependsOn        = [{ containerName = "prepare", condition = "SUCCESS" }]
        logConfiguration = local.logs[process]
        environment = [
          for name, value in merge(local.environment, process == "bootstrap" ? { FIRST_ADMINISTRATOR = var.first_administrator } : {}) :
          { name = name, value = value }
        ]
        secrets      = [for name, arn in one.secrets : { name = name, valueFrom = arn }]
        portMappings = [for port in [one.port] : { containerPort = port, hostPort = port, protocol = "tcp" } if port > 0]
        ulimits      = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
        healthCheck = one.ready == "" ? null : {
          command = ["CMD-SHELL", one.ready], interval = 15, timeout = 5, retries = 4, startPeriod = 180
        }
      }),
    ]
  }

  logs = {
    for process in concat(keys(local.processes), ["clamd"]) : process => {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = "/${var.name}/${process}"
        "awslogs-region"        = var.region
        "awslogs-stream-prefix" = process
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.logs

  name              = "/${var.name}/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.parts_key_arn
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  for_each = merge(local.definitions, { clamd = local.clamd_definition })

  family                   = "${var.name}-${each.key}"
  requires_compatibilities = [var.launch]
  network_mode             = "awsvpc"
  cpu                      = var.sizes[each.key].cpu
  memory                   = var.sizes[each.key].memory
  task_role_arn            = var.task_role_arns[each.key]
  execution_role_arn       = var.start_role_arns[each.key]
  container_definitions    = jsonencode(each.value)

  volume {
    name = "scratch"
  }

  # The disk of a task ends with it and is no larger than this.
  dynamic "ephemeral_storage" {
    for_each = local.fargate ? [var.sizes[each.key].scratch_gib] : []

    content {
      size_in_gib = ephemeral_storage.value
    }
  }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }
}

resource "aws_ecs_service" "this" {
  for_each = local.running

  #checkov:skip=CKV_AWS_332:the platform version is LATEST where there is one; EC2 has none
  name            = each.key
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[each.key].arn
  desired_count   = each.value.least
  launch_type     = local.fargate ? "FARGATE" : null

  # Of the clock there is never more than one; of all others, never fewer than before.
  deployment_minimum_healthy_percent = each.key == "schedule" ? 0 : 100
  deployment_maximum_percent         = each.key == "schedule" ? 100 : 200
  health_check_grace_period_seconds  = each.key == "web" ? 180 : null
  propagate_tags                     = "SERVICE"
  enable_execute_command             = false

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.group_ids[each.key]]
    assign_public_ip = false
  }

  dynamic "capacity_provider_strategy" {
    for_each = local.fargate ? [] : [aws_ecs_capacity_provider.ec2[0].name]

    content {
      capacity_provider = capacity_provider_strategy.value
      weight            = 1
    }
  }

  dynamic "load_balancer" {
    for_each = each.key == "web" ? var.target_group_arns : []

    content {
      target_group_arn = load_balancer.value
      container_name   = "web"
      container_port   = 8000
    }
  }

  dynamic "service_registries" {
    for_each = each.key == "clamd" ? [aws_service_discovery_service.clamd.arn] : []

    content {
      registry_arn = service_registries.value
    }
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling's
  }
}
