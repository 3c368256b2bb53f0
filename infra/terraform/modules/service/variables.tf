variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets with a way out."
  type        = list(string)
}

variable "group_ids" {
  description = "The security group of each part."
  type        = map(string)
}

variable "task_role_arns" {
  description = "The role of each process."
  type        = map(string)
}

variable "start_role_arns" {
  description = "The role that ECS starts each process with."
  type        = map(string)
}

variable "target_group_arns" {
  description = "Where the load balancers look for web processes."
  type        = list(string)
}

variable "request_label" {
  description = "The load balancer and target group whose requests are counted."
  type        = string
}

variable "requests_per_target" {
  description = "Requests a minute of one web task, by which their number is found."
  type        = number
}

variable "parts_key_arn" {
  description = "The key that encrypts logs."
  type        = string
}

variable "public_url" {
  description = "UPLOADS_PUBLIC_URL."
  type        = string
}

variable "content_url" {
  description = "UPLOADS_CONTENT_URL."
  type        = string
}

variable "internal_net" {
  description = "The network's addresses: who asks from there may see /livez and /readyz."
  type        = string
}

variable "database_url" {
  description = "UPLOADS_DATABASE_URL, without user and password."
  type        = string
}

variable "database_ca" {
  description = "Certificates of the authorities that sign the database's, PEM."
  type        = string
}

variable "redis_address" {
  description = "Host and port of Redis."
  type        = string
}

variable "redis_user" {
  description = "The service's user at Redis."
  type        = string
}

variable "redis_secret_arn" {
  description = "The secret with its password."
  type        = string
}

variable "secret_key_arn" {
  description = "The secret that signs."
  type        = string
}

variable "secret_key_old_arn" {
  description = "The secret whose signatures are still read."
  type        = string
}

variable "first_administrator" {
  description = "E-mail address of the first administrator."
  type        = string
}

variable "first_administrator_secret_arn" {
  description = "The secret with that password."
  type        = string
}

variable "bucket_prefix" {
  description = "UPLOADS_S3_BUCKET_PREFIX."
  type        = string
}

variable "quarantine_days" {
  description = "UPLOADS_QUARANTINE_DAYS."
  type        = number
}

variable "webhook_ports" {
  description = "UPLOADS_WEBHOOK_PORTS."
  type        = list(number)
}

variable "signature_mirror" {
  description = "Where ClamAV's signatures come from."
  type        = string
}

variable "user" {
  description = "User and group that our processes run as, in numbers; never 0."
  type        = string
}

variable "clamav_user" {
  description = "The same of ClamAV."
  type        = string
}

variable "images" {
  description = "Images by digest or by a tag that never changes: web, worker, clamav."
  type        = object({ web = string, worker = string, clamav = string })
}

variable "start" {
  description = "Whether services run."
  type        = bool
}

variable "launch" {
  description = "FARGATE, or EC2 for machines of our own."
  type        = string
}

variable "machine" {
  description = "With EC2: the kind of machine, its disk in GiB, and most of them."
  type        = object({ type = string, disk_gib = number, most = number })
}

variable "sizes" {
  description = "Of each task: processor (1024 is one), memory in MiB, and on Fargate its disk in GiB."
  type        = map(object({ cpu = number, memory = number, scratch_gib = number }))

  validation {
    condition     = alltrue([for size in var.sizes : size.scratch_gib >= 21 && size.scratch_gib <= 200])
    error_message = "Fargate gives a task 21 to 200 GiB of disk."
  }

  validation {
    condition     = var.sizes["clamd"].memory >= 6144
    error_message = "clamd needs 6144 MiB: while it reads new signatures it has them twice."
  }
}

variable "counts" {
  description = "Least and most tasks of each service."
  type        = map(object({ least = number, most = number }))

  validation {
    condition     = toset(keys(var.counts)) == toset(["web", "worker", "courier", "schedule", "clamd"])
    error_message = "The services are web, worker, courier, schedule and clamd."
  }

  validation {
    condition     = var.counts["schedule"].least == 1 && var.counts["schedule"].most == 1
    error_message = "There is exactly one schedule."
  }

  validation {
    condition     = alltrue([for count in var.counts : count.least >= 1 && count.most >= count.least])
    error_message = "least is 1 or more, most is not below least."
  }
}

variable "settings" {
  description = "Further settings of the service (docs/configuration.md); no secrets."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^UPLOADS_[A-Z0-9_]+$", name))])
    error_message = "Settings begin with UPLOADS_."
  }

  validation {
    condition     = contains(["debug", "info"], lookup(var.settings, "UPLOADS_LOG_LEVEL", "info"))
    error_message = "UPLOADS_LOG_LEVEL is info or debug: the number of workers is found by a line of the log."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "UPLOADS_ENV", "UPLOADS_FAULT", "UPLOADS_SECRET_KEY", "UPLOADS_SECRET_KEYS_OLD", "UPLOADS_S3_ACCESS_KEY",
      "UPLOADS_S3_SECRET_KEY", "UPLOADS_S3_KEYS", "UPLOADS_S3_BUCKET_PREFIX", "UPLOADS_DATABASE_URL",
      "UPLOADS_REDIS_URL", "UPLOADS_TRUSTED_PROXIES", "UPLOADS_INTERNAL_NETS", "UPLOADS_CLAMD", "UPLOADS_CELL",
      "UPLOADS_QUARANTINE_DAYS", "UPLOADS_WEBHOOK_PORTS", "UPLOADS_PUBLIC_URL", "UPLOADS_CONTENT_URL",
      "UPLOADS_DATA", "UPLOADS_SCRATCH", "UPLOADS_BACKLOG_LOG_SECONDS",
    ])) == 0
    error_message = "This setting is made here, or is a secret, or would take a lock away."
  }
}
