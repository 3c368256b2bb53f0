# One role for each process, and nothing in it that the process does not do. `local.access` is the
# table of the README; the tests evaluate the rendered policies against it, cell by cell.

locals {
  processes = toset(["web", "worker", "courier", "schedule", "clamd", "bootstrap"])

  # Who does what in which bucket. The others reach none: a courier calls webhooks, a schedule sends
  # names of tasks, clamd is sent bytes, and the bootstrap task knows the database.
  access = {
    web = {
      incoming   = ["list", "get", "put", "delete"] # takes files in; takes back what it refused
      quarantine = ["list", "get"]                  # the desk: looks, and gives samples to administrators
      clean      = ["list", "get"]                  # signs downloads, streams renditions
    }
    worker = {
      incoming   = ["list", "get", "put", "delete"] # reads, tries the store, deletes what is settled
      quarantine = ["list", "get", "put", "delete"] # keeps refused files, expires them
      clean      = ["list", "get", "put", "delete"] # publishes; nobody else does
    }
  }

  actions = { get = "s3:GetObject", put = "s3:PutObject", delete = "s3:DeleteObject" }
  bucket_arn = {
    for bucket in ["incoming", "quarantine", "clean"] :
    bucket => "arn:${var.partition}:s3:::${var.bucket_prefix}${bucket}"
  }

  # How secrets are read: by ECS for a process that is started, or by the process itself.
  secret_statements = {
    for who, arns_of in { start = var.start_secret_arns, own = var.own_secret_arns } : who => {
      for process, arns in arns_of : process => [
        {
          Sid      = "Secrets"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = arns
        },
        {
          Sid       = "KeyOfSecrets"
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = [var.parts_key_arn]
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" } }
        },
      ] if length(arns) > 0
    }
  }

  bucket_statements = {
    for process, buckets in local.access : process => concat(
      [for bucket, verbs in buckets : {
        Sid      = "List${title(bucket)}"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [local.bucket_arn[bucket]]
      } if contains(verbs, "list")],
      [for bucket, verbs in buckets : {
        Sid      = "Objects${title(bucket)}"
        Effect   = "Allow"
        Action   = [for verb in verbs : local.actions[verb] if verb != "list"]
        Resource = ["${local.bucket_arn[bucket]}/*"]
      }],
      [{
        Sid       = "KeyOfFiles"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.files_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      }],
    )
  }

  # What a process may do while it runs; who is not here may do nothing.
  task_policies = {
    for process in toset(concat(keys(local.access), keys(local.secret_statements.own))) : process => concat(
      try(local.bucket_statements[process], []), try(local.secret_statements.own[process], []),
    )
  }

  # What ECS does for a task before it runs: its image, its log, and its own secrets.
  start_policies = {
    for process in local.processes : process => concat(
      [
        { Sid = "Registry", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/${var.name}/${process}:*"]
        },
      ],
      [for arns in [var.repository_arns] : {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = arns
      } if length(arns) > 0],
      try(local.secret_statements.start[process], []),
    )
  }

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.partition}:ecs:${var.region}:${var.account_id}:*" }
      }
    }]
  })
}

resource "aws_iam_role" "task" {
  for_each = local.processes

  name                 = "${var.name}-${each.key}"
  description          = "What the process ${each.key} may do"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "task" {
  for_each = local.task_policies

  name   = "own"
  role   = aws_iam_role.task[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role" "start" {
  for_each = local.processes

  name                 = "${var.name}-${each.key}-start"
  description          = "What ECS does to start the process ${each.key}"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary
}

resource "aws_iam_role_policy" "start" {
  for_each = local.processes

  name   = "start"
  role   = aws_iam_role.start[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.start_policies[each.key] })
}
