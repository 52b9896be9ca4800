"""Packaging of pixmo: distribution `pixmo`, flat import names, one console script.

An explicit package list and `package_dir={"": "."}` keep editable installs a plain path, and make
the sdist that Beam stages for remote workers hold exactly these packages.
"""

from setuptools import find_packages, setup

CORE = [
    "apache-beam==2.77.*",
    "pyarrow>=24,<26",
    "numpy>=2,<2.5",
    "pillow>=12.1.1,<13",
    "pillow-heif>=1.1",
    "aiohttp>=3.14,<4",
    "yarl>=1.20",
    "av>=18,<19",
    "protego>=0.6",
    "openai>=3.51,<4",
    "pydantic>=2.14,<3",
    "typer>=0.29,<1",
    "rich>=15,<16",
    "fsspec>=2026.9",
    "PyYAML>=6,<7",
    "psutil>=7,<8",
]
EXTRAS = {
    "speech": ["faster-whisper==1.2.*"],
    "llm": ["xllamacpp==2026.10.*"],
    "detect": ["onnxruntime>=1.31,<2", "onnx==1.23.*"],
    "ocr": ["rapidocr==3.10.*", "onnxruntime>=1.24"],
    "docs": ["matplotlib>=3.11,<4", "plotly>=7.1,<8", "vl-convert-python>=1.9.0.post1,<2"],
    "hub": ["datasets>=5.2,<6", "huggingface-hub>=2.4,<3"],
    "annotate": ["label-studio-sdk==2.1.2", "markdown-it-py>=4,<5"],
    "clocks": ["cairocffi==1.7.*", "fonttools>=4.60", "matplotlib>=3.11,<4"],
    "evaluate": ["evalica>=0.4,<0.5", "matplotlib>=3.11,<4"],
    "gcp": ["apache-beam[gcp]==2.77.*", "gcsfs>=2026.9"],
    "s3": ["s3fs>=2026.9"],
    "dev": [
        "pytest>=9,<10",
        "pytest-timeout>=2.4",
        "pytest-xdist>=3.8,<4",
        "hypothesis>=6.150",
        "ImageHash==4.3.*",
        "playwright>=1.65,<2",
        "axe-playwright-python>=0.1.8,<0.2",
        "mlcroissant>=1.1.1,<2",
        "ruff==0.15.*",
        "mypy==2.4.*",
        "types-PyYAML",
        "build",
    ],
}

setup(
    name="pixmo",
    version="0.1.0",
    description="The open factory for PixMo-class vision-language data and Molmo-class models",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    package_dir={"": "."},
    packages=find_packages(include=["schemas*", "pipelines*", "annotation*", "tools*"]),
    package_data={
        "annotation": [
            "configs/*.xml",
            "guidelines/*.md",
            "servers/studio_constraints.txt",
            "studio/assets/*",
            "studio/templates/**",
        ],
        "pipelines": ["prompts/*.md", "prompts/*.yaml", "services/*.yaml"],
        "schemas": ["py.typed"],
        "tools": ["report/assets/*"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["pixmo=tools.cli:main"]},
)
