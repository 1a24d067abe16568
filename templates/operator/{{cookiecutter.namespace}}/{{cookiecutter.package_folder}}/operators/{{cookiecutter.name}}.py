{% include "module/" ~ cookiecutter.form ~ ".py" %}
