"""What a file is, by its ending and its first bytes: a network of some framework, or something else that says what to do with it."""

from __future__ import annotations

import mmap
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from streamclf.catalogue.card import NEEDS_CONFIG, FileRole, Framework
from streamclf.catalogue.tflite import read_tflite
from streamclf.errors import ConfigError, ModelFileError

ENDINGS: Mapping[str, tuple[Framework, FileRole]] = MappingProxyType(
    {
        ".onnx": ("onnx", "weights"),
        ".caffemodel": ("caffe", "weights"),
        ".prototxt": ("caffe", "config"),
        ".pb": ("tensorflow", "weights"),
        ".pbtxt": ("tensorflow", "config"),
        ".weights": ("darknet", "weights"),
        ".cfg": ("darknet", "config"),
        ".t7": ("torch", "weights"),
        ".net": ("torch", "weights"),
        ".tflite": ("tflite", "weights"),
    }
)

_PYTORCH = "'streamclf export torch:MODULE:FUNCTION' makes an ONNX network of what a function of yours loads (or torch.onnx.export)"
_KERAS = "'streamclf export keras:FILE' makes an ONNX network of what Keras reads; for others there is tf2onnx"
_OTHER = "convert the network to ONNX and give that"
_PACKED = "unpack it and give the network inside"
_FOREIGN_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((".pt", ".pth", ".ckpt", ".bin", ".safetensors"), _PYTORCH),
        **dict.fromkeys((".h5", ".hdf5", ".keras"), _KERAS),
        **dict.fromkeys((".xml", ".engine", ".mlmodel", ".param", ".pdmodel", ".mar"), _OTHER),
        **dict.fromkeys((".zip", ".gz", ".tgz", ".tar", ".7z", ".xz", ".bz2", ".rar"), _PACKED),
    }
)
_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n", "an HDF5 file, as Keras and old TensorFlow write them", _KERAS),
    (b"\x1f\x8b", "a gzip archive", _PACKED),
    (b"BZh", "a bzip2 archive", _PACKED),
    (b"\xfd7zXZ", "an xz archive", _PACKED),
    (b"7z\xbc\xaf", "a 7z archive", _PACKED),
    (b"Rar!", "a rar archive", _PACKED),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with 'git lfs pull'"),
    (b"%PDF", "a PDF document", "give the network's own file"),
    (b"\x89PNG", "a picture", "give the network's own file"),
    (b"\xff\xd8\xff", "a picture", "give the network's own file"),
)
_HEAD_BYTES = 512
# In ONNX' protobuf: an entry of a tensor's external_data (field 13), whose key (field 1) is "location"; its value (field 2) follows.
_EXTERNAL = re.compile(
    rb"\x6a(?P<entry>[\x80-\xff]?[\x00-\x7f])(?P<key>\x0a\x08location)\x12(?P<name>[\x80-\xff]?[\x00-\x7f])", re.DOTALL
)

_EIGHT_BITS = (b"QuantizeLinear", b"QLinearConv", b"ConvInteger")
"""ONNX operators of quantised networks."""


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """The files of one network and its framework. ``assumed``: what was not said but looked for, in sentences."""

    framework: Framework
    paths: dict[FileRole, Path]
    assumed: tuple[str, ...] = ()

    @property
    def weights(self) -> Path:
        """The file that every network has."""
        return self.paths["weights"]


def network_files(weights: Path, config: Path | None = None, framework: Framework | None = None) -> NetworkFiles:
    """The network of these files; a definition that it needs and is not given is looked for beside the weights.

    Raises:
        ConfigError: the framework or the definition is not to be known from this.
        ModelFileError: a file is missing, unreadable, or plainly something else.
    """
    _check_there(weights)
    known = framework or _framework(weights)
    assumed: tuple[str, ...] = ()
    if config is None and known in (*NEEDS_CONFIG, "tensorflow"):
        config = _definition_beside(weights, known)
        if config is not None:
            assumed = (f"its definition is {config.name}, which lies beside it (--config names another)",)
    if config is None and known in NEEDS_CONFIG:
        raise ConfigError(
            f"{weights}: a {known} network is two files; name the {_definition_ending(known)} in --config"
        )
    if config is not None and known not in (*NEEDS_CONFIG, "tensorflow"):
        raise ConfigError(f"--config {config}: {known} networks are one file; leave it out")
    check_weights(weights, known)
    if known == "onnx":
        _check_whole(weights)
    paths: dict[FileRole, Path] = {"weights": weights}
    if config is not None:
        _check_there(config)
        _check_definition(config)
        paths = {"config": config, "weights": weights}
    return NetworkFiles(known, paths, assumed)


def with_only_definition(files: NetworkFiles) -> NetworkFiles | None:
    """A TensorFlow graph with the only definition that lies beside it; None if there is none, several, or one in use already.

    For a graph that cannot be used alone: of others, what lies beside may be left over from training, and none that OpenCV knows.
    """
    if files.framework != "tensorflow" or "config" in files.paths:
        return None
    ending = _definition_ending(files.framework)
    every = [path for path in files.weights.parent.iterdir() if path.suffix.lower() == ending and path.is_file()]
    graphs = [
        path for path in every if re.search(rb"^\s*node\s*\{", _head(path), re.MULTILINE)
    ]  # label maps end so, too
    if len(graphs) != 1:
        return None
    told = (
        f"its definition is {graphs[0].name}, the only one beside it; alone it cannot be used (--config names another)"
    )
    return NetworkFiles(files.framework, {"config": graphs[0], **files.paths}, (*files.assumed, told))


def check_weights(path: Path, framework: Framework | None = None) -> None:
    """Raise ModelFileError if the first bytes of ``path`` are those of something else than a network of ``framework`` (None: of any
    that could be read)."""
    head = _head(path)
    if not head:
        raise ModelFileError(f"{path}: is empty; get the file anew")
    if _is_tflite(head):
        if framework in (None, "tflite"):
            return
        raise ModelFileError(
            f"{path}: is a TensorFlow Lite network, not one of {framework}; say --framework tflite, or call it .tflite"
        )
    found = ("a SavedModel of TensorFlow", _KERAS) if path.name == "saved_model.pb" else _foreign(head, path)
    if found is not None:
        what, way_out = found
        raise ModelFileError(f"{path}: is {what}; {way_out}")


def is_quantised(framework: Framework, weights: Path) -> bool:
    """Whether the network says itself how it is computed in 8-bit integers."""
    if framework == "tflite":
        return read_tflite(weights).has_levels
    if framework != "onnx":
        return False
    with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(operator) >= 0 for operator in _EIGHT_BITS)


def darknet_input(definition: Path) -> tuple[int, int, int] | None:
    """(width, height, channels) of a Darknet definition's [net]; None where it does not say."""
    values: dict[str, int] = {}
    in_net = False
    for line in definition.read_text(encoding="utf-8", errors="replace").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            if in_net:
                break
            in_net = line in ("[net]", "[network]")
        elif in_net and (match := re.fullmatch(r"(width|height|channels)\s*=\s*(\d{1,6})", line)):
            values[match[1]] = int(match[2])
    if not {"width", "height"} <= values.keys():
        return None
    return values["width"], values["height"], values.get("channels", 3)


def _framework(weights: Path) -> Framework:
    ending = weights.suffix.lower()
    if ending in ENDINGS:
        framework, role = ENDINGS[ending]
        if role == "config":
            raise ConfigError(
                f"{weights}: is a definition; give the weights ({_weights_ending(framework)}), and this in --config"
            )
        return framework
    check_weights(weights)  # what it is says more than what it is called
    if _is_tflite(_head(weights)):
        return "tflite"
    way_out = _FOREIGN_ENDINGS.get(ending)
    known = ", ".join(end for end, (_, role) in ENDINGS.items() if role == "weights")
    if way_out is not None:
        raise ConfigError(f"{weights}: streamclf reads no {ending} networks, but {known}; {way_out}")
    raise ConfigError(
        f"{weights}: what kind of network is it? Its name ends in none of {known}; say it with --framework"
    )


def _definition_beside(weights: Path, framework: Framework) -> Path | None:
    beside = weights.with_suffix(_definition_ending(framework))
    if beside.is_file():
        return beside
    if framework not in NEEDS_CONFIG:
        return None  # it may well have none: one of another name is not taken for its own
    every = [path for path in weights.parent.iterdir() if path.suffix.lower() == beside.suffix and path.is_file()]
    return every[0] if len(every) == 1 else None


def _definition_ending(framework: Framework) -> str:
    return next(end for end, kind in ENDINGS.items() if kind == (framework, "config"))


def _weights_ending(framework: Framework) -> str:
    return next(end for end, kind in ENDINGS.items() if kind == (framework, "weights"))


def _check_there(path: Path) -> None:
    if path.is_dir():
        raise ModelFileError(f"{path}: is a folder; name the network's file in it")
    if not path.is_file():
        raise ModelFileError(f"{path}: there is no such file")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise ModelFileError(f"{path!r}: the file's name is no text; rename it") from None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror or error})") from error


def _is_tflite(head: bytes) -> bool:
    return head[4:8] == b"TFL3"


def _foreign(head: bytes, path: Path) -> tuple[str, str] | None:
    """What the file is and what to do with it, if it is no network; None if it may be one."""
    for start, what, way_out in _STARTS:
        if head.startswith(start):
            return what, way_out
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return (
            "a Python pickle, as PyTorch and scikit-learn write them, and opening it could run any program",
            _PYTORCH,
        )
    if head[8:10] == b'{"':
        return "a safetensors file, which holds no more than numbers", _PYTORCH
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        return "a web page or XML, not a network", "get the file itself; most often a download was answered with a page"
    if head[257:262] == b"ustar":
        return "a tar archive", _PACKED
    return None


def _check_whole(weights: Path) -> None:
    """Raise ModelFileError if numbers of an ONNX network lie in other files: OpenCV does not look for them there."""
    try:
        with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            names = {name for found in _EXTERNAL.finditer(content) if (name := _external_file(found, content))}
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{weights}: cannot be read ({error})") from error
    if names:
        first, *others = sorted(names)
        more = f" and {len(others)} other files" if others else ""
        raise ModelFileError(
            f"{weights}: its weights are in {first}{more}, and OpenCV reads only whole files; export it with external_data=False"
        )


def _external_file(found: re.Match[bytes], content: mmap.mmap) -> str | None:
    """The name in an entry of ``external_data``; None where the bytes only look like the beginning of one."""
    entry, name = _length(found["entry"]), _length(found["name"])
    if entry != found.end() - found.start("key") + name:
        return None
    try:
        return content[found.end() : found.end() + name].decode()
    except UnicodeDecodeError:
        return None


def _length(varint: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        names = []
    if any(name.endswith("data.pkl") for name in names):
        return "a zip archive as PyTorch saves it", _PYTORCH
    if "config.json" in names:
        return "a zip archive as Keras saves it", _KERAS
    return "a zip archive", _PACKED


def _check_definition(path: Path) -> None:
    head = _head(path)
    if not head.strip():
        raise ModelFileError(f"{path}: is empty; get the file anew")
    found = _foreign(head, path)
    if found is None and b"\0" in head:
        found = "no text, so no definition of a network", "have the weights and the definition changed places?"
    if found is not None:
        raise ModelFileError(f"{path}: is {found[0]}; {found[1]}")
