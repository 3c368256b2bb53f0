variable "name" {
  description = "Begins the names of everything; the trail's among them."
  type        = string
}

variable "prefix" {
  description = "Put before the bucket names; worldwide nobody else may have it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,52}-$", var.prefix))
    error_message = "The prefix has 4 to 54 characters of a to z, 0 to 9 and -, and ends with one -."
  }
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "account_id" {
  description = "The account, twelve digits."
  type        = string
}

variable "files_key_arn" {
  description = "The key that encrypts incoming, quarantine and clean."
  type        = string
}

variable "audit_key_arn" {
  description = "The key that encrypts the trail."
  type        = string
}

variable "readers" {
  description = "Roles that may read and list, by bucket."
  type        = map(list(string))

  validation {
    condition     = alltrue([for bucket in ["incoming", "quarantine", "clean"] : length(lookup(var.readers, bucket, [])) > 0])
    error_message = "Each of incoming, quarantine and clean needs its readers: a denial unless nobody denies nothing."
  }
}

variable "writers" {
  description = "Roles that may put and delete, by bucket."
  type        = map(list(string))

  validation {
    condition     = alltrue([for bucket in ["incoming", "quarantine", "clean"] : length(lookup(var.writers, bucket, [])) > 0])
    error_message = "Each of incoming, quarantine and clean needs its writers: a denial unless nobody denies nothing."
  }
}

variable "s3_endpoint_id" {
  description = "The VPC endpoint through which our own network reaches the store."
  type        = string
}

variable "page_origin" {
  description = "The origin of the page (UPLOADS_PUBLIC_URL)."
  type        = string

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", var.page_origin))
    error_message = "page_origin is https:// and a host, without a path."
  }
}

variable "cors_origins" {
  description = "Other origins whose pages may put signed parts (UPLOADS_CORS_ORIGINS)."
  type        = list(string)
  default     = []

  validation {
    condition = alltrue([
      for origin in var.cors_origins : can(regex("^(https://[a-z0-9.-]+|http://(localhost|127[.][0-9.]+|[[]::1[]]))(:[0-9]{1,5})?$", origin))
    ])
    error_message = "cors_origins are like https://tools.example.org, in small letters, without a path; http:// for loopback only."
  }
}

variable "incoming_days" {
  description = "Objects in incoming end after this, in days: longer than any outage after which waiting files must still be there."
  type        = number
  default     = 30

  validation {
    condition     = var.incoming_days >= 14
    error_message = "incoming_days must be 14 or more: files that wait for their inspection are there and nowhere else."
  }
}

variable "quarantine_days" {
  description = "UPLOADS_QUARANTINE_DAYS: the store's own expiry comes 30 days later."
  type        = number
}

variable "noncurrent_days" {
  description = "What the service deleted from clean can be brought back within this, in days."
  type        = number
  default     = 7

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days must be 1 or more."
  }
}

variable "audit_days" {
  description = "Nobody deletes from the trail within this, in days."
  type        = number
  default     = 365

  validation {
    condition     = var.audit_days >= 1
    error_message = "audit_days must be 1 or more."
  }
}

variable "audit_lock" {
  description = "COMPLIANCE: not even the account's root can; GOVERNANCE: who has the right to bypass can."
  type        = string
  default     = "COMPLIANCE"

  validation {
    condition     = contains(["COMPLIANCE", "GOVERNANCE"], var.audit_lock)
    error_message = "audit_lock is COMPLIANCE or GOVERNANCE."
  }
}

variable "log_days" {
  description = "Access logs of the load balancers end after this, in days."
  type        = number
  default     = 90
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes what is in the buckets; the trail it never does."
  type        = bool
  default     = false
}
