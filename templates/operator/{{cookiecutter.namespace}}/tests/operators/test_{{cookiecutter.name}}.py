{% include "test/" ~ cookiecutter.form ~ ".py" %}
