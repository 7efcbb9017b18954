"""What is known of each data set: its classes, the shape of its rows, its official files and where they are."""

from dataclasses import dataclass

HOST_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
HOST_CIFAR = "https://www.cs.toronto.edu/~kriz/"

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# fmt: off
CIFAR100 = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
)
# fmt: on


@dataclass(frozen=True)
class OfficialFile:
    """A file as its publisher offers it. `hash` is `algorithm:hexdigest`, `megabytes` what a download moves."""

    name: str
    host: str
    hash: str
    megabytes: float


@dataclass(frozen=True)
class KnownDataset:
    """A data set known by name.

    `scale` times a stored pixel lies in [0, 1]. `cache` is the folder below Keras' cache that holds the official files;
    `extracted` are the folders in the cache that Keras leaves after unpacking them, `archives` the other names by which
    its releases kept the only official file. `sizes` are the published training and test samples, None where any will
    do; `fingerprint` is that of the published contents, as of `Dataset`, "" where it is not known.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    shape: tuple[int, ...]
    scale: float
    files: tuple[OfficialFile, ...] = ()
    cache: str = ""
    extracted: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    sizes: tuple[int, int] | None = None
    fingerprint: str = ""


# Hashes: Keras' own (keras/src/datasets) and, for Fashion-MNIST, its publisher's (github.com/zalandoresearch).
CATALOGUE = {
    known.name: known
    for known in (
        KnownDataset(
            "digits",
            "scikit-learn's digits",
            DIGITS,
            (8, 8),
            1 / 16,
            sizes=(1797, 0),
            fingerprint="91854f9d0d206574b0abca44e83b35336cbc0161f609b75edddc7e03ec0da680",
        ),
        KnownDataset(
            "mnist",
            "MNIST",
            DIGITS,
            (28, 28),
            1 / 255,
            (
                OfficialFile(
                    "mnist.npz",
                    HOST_KERAS,
                    "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                    11.5,
                ),
            ),
            sizes=(60_000, 10_000),
            fingerprint="9c6c5a159ed52548dbd9d05d0d30b87e9fd1dd6291428e4103a32268e32d423c",
        ),
        KnownDataset(
            "fashion_mnist",
            "Fashion-MNIST",
            CLOTHES,
            (28, 28),
            1 / 255,
            (
                OfficialFile("train-images-idx3-ubyte.gz", HOST_KERAS, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26.4),
                OfficialFile("train-labels-idx1-ubyte.gz", HOST_KERAS, "md5:25c81989df183df01b3e8a0aad5dffbe", 0.03),
                OfficialFile("t10k-images-idx3-ubyte.gz", HOST_KERAS, "md5:bef4ecab320f06d8554ea6380940ec79", 4.4),
                OfficialFile("t10k-labels-idx1-ubyte.gz", HOST_KERAS, "md5:bb300cfdad3c16e7a12a480ee83cd310", 0.01),
            ),
            cache="fashion-mnist",
            sizes=(60_000, 10_000),
        ),
        KnownDataset(
            "cifar10",
            "CIFAR-10",
            CIFAR10,
            (32, 32, 3),
            1 / 255,
            (
                OfficialFile(
                    "cifar-10-python.tar.gz",
                    HOST_CIFAR,
                    "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                    170.5,
                ),
            ),
            extracted=("cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"),
            archives=("cifar-10-batches-py.tar.gz", "cifar-10-batches-py-target_archive"),
            sizes=(50_000, 10_000),
        ),
        KnownDataset(
            "cifar100",
            "CIFAR-100",
            CIFAR100,
            (32, 32, 3),
            1 / 255,
            (
                OfficialFile(
                    "cifar-100-python.tar.gz",
                    HOST_CIFAR,
                    "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
                    169.0,
                ),
            ),
            extracted=("cifar-100-python", "cifar-100-python-target/cifar-100-python"),
            archives=("cifar-100-python-target_archive",),
            sizes=(50_000, 10_000),
        ),
    )
}
