# SPDX-License-Identifier: Apache-2.0
"""The manifest and the image of deploy/, as far as they can be checked without a cluster."""
import os
import re
import subprocess

from harness import REPOSITORY, Skip, check, check_equal
from registry import scenario

DEPLOY = REPOSITORY / "deploy"


def manifest():
    try:
        import yaml
    except ImportError as missing:
        raise Skip("python3-yaml is not installed") from missing
    documents = {}
    for document in yaml.safe_load_all((DEPLOY / "kubernetes/dlogd.yaml").read_text()):
        check(document["kind"] not in documents, f"two documents of kind {document['kind']}")
        documents[document["kind"]] = document
    return documents


@scenario("kubernetes/the manifest fits together: capabilities of the unit, ports, probes, volumes, configuration", needs=(),
          daemon=False)
def consistent(env):
    documents = manifest()
    pod = documents["DaemonSet"]["spec"]["template"]
    container, = pod["spec"]["containers"]
    check(pod["spec"]["hostPID"] is True and "hostNetwork" not in pod["spec"], "host namespaces")

    unit = re.search(r"^CapabilityBoundingSet=(.*)$", (DEPLOY / "systemd/dlogd.service").read_text(), re.MULTILINE)[1]
    security = container["securityContext"]
    check_equal(security["capabilities"]["drop"], ["ALL"], "dropped")
    check_equal({f"CAP_{name}" for name in security["capabilities"]["add"]}, set(unit.split()), "capabilities")
    check(not security["privileged"] and not security["allowPrivilegeEscalation"] and security["readOnlyRootFilesystem"], f"{security}")
    check({"cpu", "memory"} == set(container["resources"]["limits"]), "limits")

    config_map = documents["ConfigMap"]
    config = env.tmp / "kubernetes.yaml"
    config.write_text(config_map["data"]["dlogd.yaml"])
    environment = {**os.environ, "DLOGD_NODE_NAME": "node-1"}
    check_equal([each["name"] for each in container["env"]], ["DLOGD_NODE_NAME"], "variables")
    done = subprocess.run([env.bin / "dlogd", "--check-config", "--config", config], capture_output=True, text=True, check=False,
                          env=environment)
    check_equal(done.returncode, 0, f"dlogd --check-config: {done.stderr}")
    in_config = {name: int(re.search(rf"^{key}: 0\.0\.0\.0:(\d+)$", config.read_text(), re.MULTILINE)[1])
                 for name, key in (("api", "listen"), ("health", "health"), ("metrics", "metrics"))}
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    check_equal(ports, in_config, "ports of the container and of the configuration")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        check_equal(container[probe]["grpc"]["port"], ports["health"], probe)
    service = documents["Service"]["spec"]
    check_equal(service["clusterIP"], "None", "headless")
    check({each["targetPort"] for each in service["ports"]} <= set(ports), "ports of the service")
    labels = pod["metadata"]["labels"]
    monitor = documents["PodMonitor"]["spec"]
    for what, selector in (("DaemonSet", documents["DaemonSet"]["spec"]["selector"]["matchLabels"]),
                           ("Service", service["selector"]), ("PodMonitor", monitor["selector"]["matchLabels"])):
        check_equal(selector, labels, f"what {what} selects")
    check(monitor["podMetricsEndpoints"][0]["port"] in ports, "port of the PodMonitor")
    for kind in set(documents) - {"Namespace"}:
        check_equal(documents[kind]["metadata"]["namespace"], documents["Namespace"]["metadata"]["name"], f"namespace of {kind}")
    check_equal(pod["spec"]["serviceAccountName"], documents["ServiceAccount"]["metadata"]["name"], "service account")

    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    check_equal({each["name"] for each in mounts.values()}, set(volumes), "volumes that are mounted")
    check_equal(volumes["config"]["configMap"]["name"], config_map["metadata"]["name"], "ConfigMap")
    for path in re.findall(r" (/\S+)$", config.read_text(), re.MULTILINE):
        check(any(path == mount or path.startswith(mount + "/") for mount in mounts), f"{path} is on no volume")


@scenario("kubernetes/the image builds", needs=("root", "buildah"), daemon=False)
def image(env):
    storage = env.tmp / "image"
    argv = ["buildah", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs"]
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    for base in re.findall(r"^FROM (\S+)", (DEPLOY / "image/Dockerfile").read_text(), re.MULTILINE):
        done = subprocess.run([*argv, "pull", base], capture_output=True, text=True, check=False, env=environment, timeout=600)
        if done.returncode != 0:
            raise Skip(f"no registry gives {base}: {done.stderr.strip().splitlines()[-1][-300:]}")
    done = subprocess.run([*argv, "bud", "-f", DEPLOY / "image/Dockerfile", "-t", "dlog:test", REPOSITORY], capture_output=True,
                          text=True, check=False, env=environment, timeout=3600)
    check_equal(done.returncode, 0, f"buildah bud: {done.stderr[-3000:]}")
