variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "repositories" {
  description = "One for each kind of image."
  type        = list(string)
  default     = ["web", "worker", "clamav"]
}

variable "key_arn" {
  description = "The key that encrypts images."
  type        = string
}

variable "kept" {
  description = "Images kept of each kind."
  type        = number
  default     = 30
}
