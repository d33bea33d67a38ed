# SPDX-License-Identifier: Apache-2.0
"""The manifest and the image of deploy/, as far as they can be checked without a cluster."""
import json
import os
import re
import shutil
import subprocess

from certificates import Authority
from harness import REPOSITORY, Skip, check, check_equal
from registry import scenario
from scenarios_shared import debian_package

DEPLOY = REPOSITORY / "deploy"
MIRROR = "http://deb.debian.org/debian"


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
    text = config_map["data"]["dlogd.yaml"]
    check_equal(text.count("/etc/dlog/tls/"), 3, "files for TLS in the configuration")
    authority = Authority(env.tmp / "kubernetes-tls")
    cert, key = authority.issue("node")
    for mounted, here in (("tls.crt", cert), ("tls.key", key), ("ca.crt", authority.cert)):
        text = text.replace(f"/etc/dlog/tls/{mounted}", str(here))
    config.write_text(text)
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


class Buildah:
    def __init__(self, env):
        self.storage = env.tmp / "image"
        self.argv = ["buildah", "--root", self.storage / "root", "--runroot", self.storage / "run", "--storage-driver", "vfs"]
        self.environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}

    def run(self, *args, timeout=3600):
        return subprocess.run([*self.argv, *args], capture_output=True, text=True, check=False, env=self.environment, timeout=timeout)

    def ok(self, *args):
        done = self.run(*args)
        check_equal(done.returncode, 0, f"buildah {args}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
        return done.stdout.strip()

    def base_of_packages(self, image):
        """The distribution's image, made of its packages, where no registry has it."""
        if shutil.which("debootstrap") is None:
            raise Skip(f"no registry gives {image}, and debootstrap is not installed")
        root = self.storage / "debian"
        root.parent.mkdir(exist_ok=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root, MIRROR], capture_output=True, text=True, check=False,
                              timeout=3600)
        if done.returncode != 0:
            raise Skip(f"neither a registry nor {MIRROR} gives {image}: {done.stdout.strip().splitlines()[-1][-300:]}")
        container = self.ok("from", "scratch")
        self.ok("copy", container, root, "/")
        self.ok("commit", "--rm", container, image)
        shutil.rmtree(root)


@scenario("kubernetes/the image has the package, which runs there", needs=("root", "buildah", "cpack", "dpkg-shlibdeps"), daemon=False)
def image(env):
    buildah = Buildah(env)
    dockerfile = (DEPLOY / "image/Dockerfile").read_text()
    built, final = re.findall(r"^FROM (\S+).*\n((?:(?!FROM ).*\n)+)", dockerfile, re.MULTILINE)
    # The first stage compiles all of dlog, which `cmake` has done here; what it leaves is the package.
    check("cpack -G DEB" in built[1] and "COPY --from=build /package/*.deb /tmp/\n" in final[1], dockerfile)
    if buildah.run("pull", final[0], timeout=600).returncode != 0:
        buildah.base_of_packages(final[0])
    context = env.tmp / "image-context"
    context.mkdir()
    shutil.copy(debian_package(env), context)
    (context / "Dockerfile").write_text(f"FROM {final[0]}\n" + final[1].replace("COPY --from=build /package/*.deb", "COPY *.deb"))
    buildah.ok("bud", "--pull-never", "-f", context / "Dockerfile", "-t", "dlog:test", context)
    container = buildah.ok("from", "--pull-never", "dlog:test")
    libraries = buildah.ok("run", container, "sh", "-c", "ldd /usr/bin/dlogd /usr/bin/dlogctl /usr/bin/dlog-symbolizer")
    check("not found" not in libraries, libraries)
    check("configuration is good" in buildah.ok("run", container, "/usr/bin/dlogd", "--check-config", "--config", "/etc/dlog/dlogd.yaml"),
          "the package's configuration")
    check(buildah.ok("run", container, "dlogctl", "--version").startswith("dlogctl "), "dlogctl --version")
    check_equal(buildah.ok("run", container, "sh", "-c", "ls /tmp /var/lib/apt/lists"), "/tmp:\n\n/var/lib/apt/lists:", "what is left over")
    entry = json.loads(buildah.ok("inspect", "--type", "image", "dlog:test"))["OCIv1"]["config"]["Entrypoint"]
    check_equal(entry, ["/usr/bin/dlogd", "--config", "/etc/dlog/dlogd.yaml"], "entry point")
