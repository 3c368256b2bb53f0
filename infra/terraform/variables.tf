variable "environment" {
  description = "Ends the names of everything: uploads-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment has 2 to 12 characters, a to z and 0 to 9: load balancers have short names."
  }
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-us-gov."
  type        = string
  default     = "aws"
}

variable "region" {
  description = "The region of everything but CloudFront."
  type        = string
}

variable "account_id" {
  description = "The account; in any other nothing is done."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id has twelve digits."
  }
}

variable "zones" {
  description = "Letters of the availability zones."
  type        = list(string)
  default     = ["a", "b"]
}

variable "cidr" {
  description = "Addresses of the network, /16 to /20."
  type        = string
  default     = "10.40.0.0/16"
}

variable "cloudfront_prefix_list_id" {
  description = "The addresses from which CloudFront comes: AWS's own list, which is looked up where this is null."
  type        = string
  default     = null
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone; one for all costs less, and ends with its zone."
  type        = bool
  default     = true
}

variable "start" {
  description = "Whether services run. At first they do not: so repositories are there before images, and the schema before whoever needs it."
  type        = bool
  default     = true
}

variable "images" {
  description = "Images by digest, or by a tag that never changes, in the repositories made here or in any other registry. Of ClamAV the project's own, in the version of docker-compose.yml, where none is named."
  type        = object({ web = string, worker = string, clamav = optional(string) })

  validation {
    condition     = alltrue([for image in values(var.images) : image == null || can(regex("(@sha256:[0-9a-f]{64}|:[^:/]+)$", image)) && !endswith(coalesce(image, "-"), ":latest")])
    error_message = "Every image has a digest or a tag, and the tag is not latest: what runs must be known."
  }
}

variable "repository_arns" {
  description = "Repositories of ECR beside those made here, where images come from there."
  type        = list(string)
  default     = []
}

variable "app_host" {
  description = "The app's host."
  type        = string
}

variable "content_host" {
  description = "The host of what users uploaded; best another domain, never the same."
  type        = string

  validation {
    condition     = var.content_host != var.app_host && !endswith(var.app_host, ".${var.content_host}") && !endswith(var.content_host, ".${var.app_host}")
    error_message = "content_host and app_host must be two hosts of which neither is a part of the other: what users uploaded must not reach the app's cookies."
  }
}

variable "app_zone_id" {
  description = "The public DNS zone that holds the app's host, which is there already."
  type        = string
}

variable "content_zone_id" {
  description = "The public DNS zone that holds the content host, which is there already; it may be the same."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate of the app's host, in this region, issued already."
  type        = string
}

variable "content_certificate_arn" {
  description = "ACM certificate of the content host, in this region."
  type        = string
}

variable "content_cdn_certificate_arn" {
  description = "ACM certificate of the content host, in us-east-1."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:us-east-1:", var.content_cdn_certificate_arn))
    error_message = "CloudFront takes certificates from us-east-1 alone."
  }
}

variable "database_ca" {
  description = "The region's bundle of RDS certificate authorities, PEM (AWS publishes it): file(\"eu-central-1-bundle.pem\")."
  type        = string

  validation {
    condition     = startswith(trimspace(var.database_ca), "-----BEGIN CERTIFICATE-----")
    error_message = "database_ca is the text of the bundle, in PEM."
  }
}

variable "database" {
  description = "Size of the database, whether a second instance stands by, GiB at the start, days of backups."
  type        = object({ instance_class = string, multi_az = bool, storage_gib = number, backup_days = number })
  default     = { instance_class = "db.m7g.large", multi_az = true, storage_gib = 50, backup_days = 14 }
}

variable "cache" {
  description = "Size and number of Redis's nodes."
  type        = object({ node_type = string, nodes = number })
  default     = { node_type = "cache.t4g.small", nodes = 2 }
}

variable "launch" {
  description = "FARGATE, or EC2 for machines of our own; see the README on the parser cell."
  type        = string
  default     = "FARGATE"

  validation {
    condition     = contains(["FARGATE", "EC2"], var.launch)
    error_message = "launch is FARGATE or EC2."
  }

  validation {
    condition     = var.launch == "EC2" || lookup(var.settings, "UPLOADS_OFFICE", "off") == "off"
    error_message = "UPLOADS_OFFICE needs Landlock, which Fargate's kernel does not have: launch = \"EC2\", or leave it off."
  }
}

variable "machine" {
  description = "With EC2: the kind of machine, its disk in GiB, and most of them."
  type        = object({ type = string, disk_gib = number, most = number })
  default     = { type = "m7i.2xlarge", disk_gib = 200, most = 6 }
}

variable "sizes" {
  description = "Of each task: processor (1024 is one), memory in MiB, and on Fargate its disk in GiB."
  type        = map(object({ cpu = number, memory = number, scratch_gib = number }))
  default = {
    web       = { cpu = 1024, memory = 2048, scratch_gib = 30 }
    worker    = { cpu = 2048, memory = 8192, scratch_gib = 50 }
    courier   = { cpu = 256, memory = 1024, scratch_gib = 21 }
    schedule  = { cpu = 256, memory = 512, scratch_gib = 21 }
    bootstrap = { cpu = 512, memory = 1024, scratch_gib = 21 }
    clamd     = { cpu = 2048, memory = 8192, scratch_gib = 50 }
  }
}

variable "counts" {
  description = "Least and most tasks of each service."
  type        = map(object({ least = number, most = number }))
  default = {
    web      = { least = 2, most = 8 }
    worker   = { least = 2, most = 12 }
    courier  = { least = 1, most = 1 }
    schedule = { least = 1, most = 1 }
    clamd    = { least = 2, most = 4 }
  }
}

variable "user" {
  description = "User and group that our processes run as, in numbers."
  type        = string
  default     = "10001:10001"

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", var.user))
    error_message = "user is UID:GID in numbers, and neither is 0."
  }
}

variable "clamav_user" {
  description = "The same of ClamAV, which parses what strangers sent."
  type        = string
  default     = "10002:10002"

  validation {
    condition     = can(regex("^[1-9][0-9]*:[1-9][0-9]*$", var.clamav_user))
    error_message = "clamav_user is UID:GID in numbers, and neither is 0."
  }
}

variable "settings" {
  description = "Further settings of the service (docs/configuration.md); no secrets. Origins in UPLOADS_CORS_ORIGINS reach the bucket's rule, too."
  type        = map(string)
  default     = {}
}

variable "signature_mirror" {
  description = "Where ClamAV's signatures come from: ClamAV's own servers, or a mirror, which they ask for where there are many of you."
  type        = string
  default     = "database.clamav.net"
}

variable "webhook_ports" {
  description = "Ports that webhooks may use."
  type        = list(number)
  default     = [443, 8443]
}

variable "quarantine_days" {
  description = "How long refused files are kept for the desk, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.quarantine_days >= 1 && var.quarantine_days <= 365
    error_message = "quarantine_days must be 1 to 365."
  }
}

variable "audit" {
  description = "The trail: days in which nobody deletes from it, and whether not even root can (COMPLIANCE)."
  type        = object({ days = number, lock = string })
  default     = { days = 365, lock = "COMPLIANCE" }
}

variable "first_administrator" {
  description = "E-mail address of the first administrator."
  type        = string

  validation {
    condition     = can(regex("^[^@[:space:]]+@[^@[:space:]]+$", var.first_administrator))
    error_message = "first_administrator is an e-mail address."
  }
}

variable "alarm_address" {
  description = "E-mail address that alarms go to."
  type        = string
}

variable "requests_per_address" {
  description = "Requests of one address in five minutes before it is blocked for a while; wider than the service's own limits."
  type        = number
  default     = 20000

  validation {
    condition     = var.requests_per_address >= 100
    error_message = "requests_per_address must be 100 or more."
  }
}

variable "requests_per_target" {
  description = "Requests a minute of one web task, by which their number is found."
  type        = number
  default     = 1500
}

variable "secret_key_versions" {
  description = "Version of the secret key in each of its two slots; a higher number makes a new key there."
  type        = map(number)
  default     = { a = 1, b = 1 }
}

variable "secret_key_signs" {
  description = "The slot that signs; what the other signed is still read."
  type        = string
  default     = "a"

  validation {
    condition     = contains(["a", "b"], var.secret_key_signs)
    error_message = "secret_key_signs is a or b."
  }
}

variable "redis_password_version" {
  description = "A higher number makes a new password."
  type        = number
  default     = 1
}

variable "recovery_days" {
  description = "A deleted secret can be taken back within this time, in days; 0 deletes at once."
  type        = number
  default     = 30
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every role, where the organisation has one."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Nobody deletes database, load balancers and full buckets before this is switched off."
  type        = bool
  default     = true
}
