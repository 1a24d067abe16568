{{ ("from " ~ cookiecutter.package ~ ".operators." ~ cookiecutter.name ~ " import " ~ cookiecutter.cls) | statement }}
