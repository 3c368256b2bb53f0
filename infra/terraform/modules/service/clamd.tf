# ClamAV: one task of a daemon and of what brings its signatures. It starts when it has some.

locals {
  # Our own configuration, but for where it listens and what belongs to a machine.
  clamd_conf = join("\n", concat(
    [
      for line in split("\n", file("${path.module}/../../../clamav/clamd.conf")) : line
      if can(regex("^[A-Z]", line)) && !can(regex(
        "^(LocalSocket|LocalSocketGroup|LocalSocketMode|FixStaleSocket|User|DatabaseDirectory|TemporaryDirectory|LogFile) ", line
      ))
    ],
    [
      "TCPSocket 3310",
      "TCPAddr 0.0.0.0",
      "DatabaseDirectory ${local.scratch}/signatures",
      "TemporaryDirectory ${local.scratch}",
      "",
    ],
  ))
  freshclam_conf = join("\n", [
    "DatabaseDirectory ${local.scratch}/signatures",
    "DatabaseMirror ${var.signature_mirror}",
    "Checks 12",
    "Foreground yes",
    "NotifyClamd ${local.scratch}/clamd.conf",
    "",
  ])

  clamd_files = <<-EOT
    set -eu
    mkdir -p ${local.scratch}/signatures
    printf '%s' "$CLAMD_CONF" >${local.scratch}/clamd.conf
    printf '%s' "$FRESHCLAM_CONF" >${local.scratch}/freshclam.conf
    exec "$@"
  EOT
  clamd_container = merge(local.locked, {
    image            = var.images.clamav
    user             = var.clamav_user
    entryPoint       = ["sh", "-c", local.clamd_files, "clamav"]
    logConfiguration = local.logs["clamd"]
    environment = [
      { name = "CLAMD_CONF", value = local.clamd_conf },
      { name = "FRESHCLAM_CONF", value = local.freshclam_conf },
    ]
  })

  clamd_definition = [
    merge(local.prepare, { image = var.images.clamav, logConfiguration = local.logs["clamd"] }),
    # Asked not to tell a daemon that is not there yet.
    merge(local.clamd_container, {
      name      = "signatures"
      essential = false
      command   = ["freshclam", "--config-file=${local.scratch}/freshclam.conf", "--daemon-notify="]
      dependsOn = [{ containerName = "prepare", condition = "SUCCESS" }]
    }),
    merge(local.clamd_container, {
      name      = "freshclam"
      essential = true
      command   = ["freshclam", "--daemon", "--config-file=${local.scratch}/freshclam.conf"]
      dependsOn = [{ containerName = "signatures", condition = "SUCCESS" }]
    }),
    merge(local.clamd_container, {
      name         = "clamd"
      essential    = true
      command      = ["clamd", "--config-file=${local.scratch}/clamd.conf"]
      dependsOn    = [{ containerName = "signatures", condition = "SUCCESS" }]
      stopTimeout  = 30
      portMappings = [{ containerPort = 3310, hostPort = 3310, protocol = "tcp" }]
      healthCheck = {
        command  = ["CMD-SHELL", "clamdscan --config-file=${local.scratch}/clamd.conf --ping 3"]
        interval = 30, timeout = 10, retries = 4, startPeriod = 300
      }
    }),
  ]
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "Names that only this network knows"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "clamd" {
  name = "clamd"

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}
